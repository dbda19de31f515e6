//! Objects in stores with Swift's API: a token is asked for, and again when it has expired.
// SPDX-License-Identifier: BSD-2-Clause

use ureq::Body;
use ureq::http::header::HeaderName;
use ureq::http::{Response, StatusCode};

use super::client::{Client, refused, text};
use super::download::Trouble;
use super::keystone;
use super::origin::{Asked, Origin};
use super::permit::Endpoint;
use crate::source::Url;
use crate::store::{Login, Object, Swift};

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const AUTH_USER: HeaderName = HeaderName::from_static("x-auth-user");
const AUTH_KEY: HeaderName = HeaderName::from_static("x-auth-key");
const STORAGE_URL: HeaderName = HeaderName::from_static("x-storage-url");

/// An object.
pub(super) struct Stored<'job> {
    store: &'job Swift,
    object: &'job Object,
    session: Option<Session>,
}

/// What lets this node in, for a time.
pub(super) struct Session {
    /// The account. None where the file names it.
    pub(super) storage: Option<String>,
    pub(super) token: Option<String>,
}

impl<'job> Stored<'job> {
    pub(super) fn new(store: &'job Swift, object: &'job Object) -> Self {
        Stored {
            store,
            object,
            session: None,
        }
    }

    /// What the file names.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let login = match &self.store.login {
            Login::Tempauth { url, .. } => Some(url),
            Login::Keystone(keystone) => Some(&keystone.url),
            Login::Open | Login::Token(_) => None,
        };
        let named = login.into_iter().chain(&self.store.storage);
        let urls = named.filter_map(|url| Url::parse(url).ok());
        urls.map(|url| Endpoint::of(&url)).collect()
    }

    fn log_in(&self, client: &Client, again: bool) -> Result<Session, Trouble> {
        let failed = |trouble: Trouble| trouble.behind("asking for a token");
        match &self.store.login {
            Login::Open => Ok(Session {
                storage: None,
                token: None,
            }),
            Login::Token(token) => Ok(Session {
                storage: None,
                token: Some(token.expose().into()),
            }),
            Login::Tempauth { url, user, key } => {
                let headers = [(AUTH_USER, user.clone()), (AUTH_KEY, key.expose().into())];
                tempauth(client, url, &headers, again).map_err(failed)
            }
            Login::Keystone(keystone) => keystone::log_in(client, keystone, again).map_err(failed),
        }
    }

    fn url(&self, session: &Session) -> Result<Url, Trouble> {
        let wrong = |reason: &str| Trouble::Final(format!("the URL of the account: {reason}"));
        let named = self.store.storage.as_ref();
        let account = named
            .or(session.storage.as_ref())
            .ok_or_else(|| wrong("none is given; OS_STORAGE_URL can name it"))?;
        let account = Url::parse(account).map_err(|error| wrong(&error.to_string()))?;
        let is_open = account.scheme() != "https";
        if named.is_none() && is_open && self.endpoint_is_encrypted() {
            return Err(wrong(
                "it has http while tokens are given by https: nothing would protect the token",
            ));
        }
        let container = std::iter::once(self.object.bucket.as_str());
        account
            .below(container.chain(self.object.key.split('/')))
            .map_err(|error| wrong(&error.to_string()))
    }

    fn endpoint_is_encrypted(&self) -> bool {
        match &self.store.login {
            Login::Tempauth { url, .. } => url.starts_with("https:"),
            Login::Keystone(keystone) => keystone.url.starts_with("https:"),
            Login::Open | Login::Token(_) => false,
        }
    }
}

impl Origin for Stored<'_> {
    fn ask(&mut self, client: &Client, again: bool) -> Result<Asked, Trouble> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.log_in(client, again)?,
        };
        let token = session.token.iter().cloned();
        let asked = Asked {
            url: self.url(&session)?,
            headers: token.map(|token| (AUTH_TOKEN, token)).collect(),
        };
        self.session = Some(session);
        Ok(asked)
    }

    fn renew(&mut self, answer: &Response<Body>, _from: &Url) -> bool {
        let may = matches!(
            self.store.login,
            Login::Tempauth { .. } | Login::Keystone(_)
        );
        let has_expired = answer.status() == StatusCode::UNAUTHORIZED && may;
        if has_expired {
            self.session = None;
        }
        has_expired
    }
}

/// Asks as version 1 of Swift's own authentication has it.
fn tempauth(
    client: &Client,
    url: &str,
    headers: &[(HeaderName, String)],
    again: bool,
) -> Result<Session, Trouble> {
    let url = Url::parse(url).map_err(|error| Trouble::Final(error.to_string()))?;
    let answer = client.get(&url, headers, again)?;
    if !answer.status().is_success() {
        return Err(refused(answer.status()));
    }
    let token = text(answer.headers(), AUTH_TOKEN).map(str::to_owned);
    if token.is_none() {
        return Err(Trouble::Final("the server gives none".into()));
    }
    Ok(Session {
        storage: text(answer.headers(), STORAGE_URL).map(str::to_owned),
        token,
    })
}
