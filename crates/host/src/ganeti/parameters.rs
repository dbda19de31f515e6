//! The OS parameters: what they may hold, and what they mean.
//!
//! `verify` and `create` go through [`check`] alone, so what one accepts the other does too.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use clap::ValueEnum;
use snf_image_protocol::{CloudInit, Properties, Secret};

use super::fault::{Fault, Faults};
use super::image_id::{DocumentId, ImageId};
use super::{config_url, properties};
use crate::config::{Given, Origin, Settings};
use crate::digest::Digest;
use crate::format::Format;
use crate::request::{
    File, NO_KEY, PersonalityFileError, UserData, check_password, check_password_hash,
    is_product_key, parse_authorized_keys, parse_personality,
};

/// Values of parameters by their names.
pub type Values = BTreeMap<&'static str, Given>;

/// What the parameters ask for.
#[derive(Debug)]
pub struct Wanted {
    /// The image; it may be missing while config_url is still to be followed.
    pub image: Option<ImageId>,
    /// Its form, likewise.
    pub format: Option<Format>,
    /// What the digest of its bytes must be.
    pub digest: Option<Digest>,
    /// A list that says so instead.
    pub digest_list: Option<DocumentId>,
    /// A signature of the list, or of the image.
    pub signature: Option<DocumentId>,
    /// The users' password.
    pub password: Option<Secret>,
    /// Their password as hash.
    pub password_hash: Option<Secret>,
    /// Lines for authorized_keys.
    pub authorized_keys: Vec<String>,
    /// Properties of image and instance.
    pub properties: Properties,
    /// Files to put into the image.
    pub personality: Vec<File>,
    /// The product key for Windows Setup.
    pub product_key: Option<Secret>,
    /// An answer file for it.
    pub answer_file: Option<DocumentId>,
    /// User-data for cloud-init.
    pub user_data: Option<UserData>,
    /// What is accepted but probably not meant.
    pub warnings: Vec<String>,
}

/// Whether a value, if there is one, is not of the node's configuration.
#[must_use]
pub fn is_users(values: &Values, name: &str) -> bool {
    let origin = values.get(name).map(|given| &given.origin);
    origin.is_none_or(|origin| matches!(origin, Origin::OsParameter | Origin::ConfigUrl))
}

/// Checks all values. `is_final` says that nothing more comes: until then the required ones may
/// be missing.
///
/// # Errors
/// All faults at once.
pub fn check(values: &Values, is_final: bool) -> Result<Wanted, Faults> {
    let mut checker = Checker {
        values,
        faults: Faults::default(),
        warnings: Vec::new(),
    };
    let wanted = Wanted {
        image: checker.required("img_id", is_final, ImageId::parse),
        format: checker.required("img_format", is_final, format),
        digest: checker.digest(),
        digest_list: checker.document("img_digest_url"),
        signature: checker.document("img_signature_url"),
        password: checker.password("img_passwd", check_password),
        password_hash: checker.password("img_passwd_hash", check_password_hash),
        authorized_keys: checker.authorized_keys(),
        properties: checker.properties(),
        personality: checker.personality(),
        product_key: checker.product_key(),
        answer_file: checker.document("os_answer_file"),
        user_data: checker.user_data(),
        warnings: Vec::new(),
    };
    if wanted.digest.is_some() && wanted.digest_list.is_some() {
        checker.fault(
            &["img_digest", "img_digest_url"],
            "img_digest and img_digest_url are both given: give one of them",
        );
    }
    if wanted.password.is_some() && wanted.password_hash.is_some() {
        checker.fault(
            &["img_passwd", "img_passwd_hash"],
            "img_passwd and img_passwd_hash are both given: give one of them",
        );
    }
    if wanted.user_data.is_some() && wanted.properties.cloud_init() == Ok(Some(CloudInit::No)) {
        checker.fault(
            &["cloud_userdata", "img_properties", "inst_properties"],
            "cloud_userdata is given and property CLOUD_INIT=no says that cloud-init is not used: take \
             one of them away",
        );
    }
    if checker
        .filled("config_url")
        .is_some_and(|url| !config_url::is_followed(url))
    {
        checker.fault(&["config_url"], "config_url is not an http or https URL");
    }
    if wanted.image.as_ref().is_some_and(ImageId::is_null) {
        for (name, is_given) in [
            ("img_digest", wanted.digest.is_some()),
            ("img_digest_url", wanted.digest_list.is_some()),
            ("img_signature_url", wanted.signature.is_some()),
        ] {
            if is_given {
                let warning = format!("{name} has no effect: img_id is null, so there is no image");
                checker.warnings.push(warning);
            }
        }
    }
    let Checker {
        faults,
        mut warnings,
        ..
    } = checker;
    warnings.extend(wanted.properties.warnings());
    faults.or(Wanted { warnings, ..wanted })
}

impl Wanted {
    /// Looks whether the image's form may be found out from its content, where that is asked for. A raw
    /// disk that somebody has written to must never be taken for something else.
    ///
    /// # Errors
    /// When the node's settings do not permit it for this image.
    pub fn check_format(&self, settings: &Settings) -> Result<(), Fault> {
        let is_refused = self.format == Some(Format::Auto)
            && (self.image.as_ref()).is_some_and(|image| !image.is_detected(settings));
        if is_refused {
            return Err(Fault::of_request(
                "img_format: auto is for images that the administrator trusts (DETECT_FORMAT in \
                 /etc/default/snf-image), and this one is not among them: whoever can write to a raw \
                 disk could make it look like another format; say which it is",
            ));
        }
        Ok(())
    }
}

/// The properties, for a script that can do without them: what is wrong is a warning.
#[must_use]
pub fn lenient_properties(values: &Values) -> Properties {
    let mut pairs = properties::Pairs::new();
    for name in ["img_properties", "inst_properties"] {
        let text = values.get(name).map(|given| given.value.expose());
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            continue;
        };
        for fault in properties::read(name, text, &mut pairs)
            .err()
            .unwrap_or_default()
        {
            tracing::warn!("{fault}");
        }
    }
    Properties::new(pairs).unwrap_or_else(|faults| {
        for fault in faults {
            tracing::warn!("{fault}; no property is used");
        }
        Properties::default()
    })
}

fn format(text: &str) -> Result<Format, String> {
    Format::from_str(text, false).map_err(|_| {
        let names: Vec<_> = Format::value_variants()
            .iter()
            .map(|format| format.name())
            .collect();
        format!(
            "{:?} is no format of an image: it is one of {}",
            text.chars().take(80).collect::<String>(),
            names.join(", ")
        )
    })
}

struct Checker<'values> {
    values: &'values Values,
    faults: Faults,
    warnings: Vec<String>,
}

impl Checker<'_> {
    /// The value, which may be empty.
    fn given(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|given| given.value.expose())
    }

    /// The value of a parameter for which empty means not given.
    fn filled(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// Notes what is wrong with the values of these parameters.
    fn fault(&mut self, names: &[&str], text: impl Display) {
        let is_users = names.iter().all(|name| is_users(self.values, name));
        self.faults.add(Fault::of_request(text).about(is_users));
    }

    fn keep<T, E: Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.fault(&[name], fault)).ok()
    }

    /// One that `create` cannot do without. Given and empty it is as wrong before.
    fn required<T>(
        &mut self,
        name: &str,
        is_final: bool,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let may_come =
            !is_final && (self.given(name).is_none() || self.filled("config_url").is_some());
        match self.filled(name).map(parse) {
            Some(parsed) => {
                let parsed = parsed.map_err(|reason| format!("{name}: {reason}"));
                self.keep(name, parsed)
            }
            None if may_come => None,
            None => {
                self.fault(&[name], format!("the OS parameter {name} is required"));
                None
            }
        }
    }

    fn digest(&mut self) -> Option<Digest> {
        let digest = self.filled("img_digest")?.parse::<Digest>();
        let digest = digest.map_err(|fault| format!("img_digest: {fault}"));
        let digest = self.keep("img_digest", digest)?;
        self.warnings.extend(digest.warning());
        Some(digest)
    }

    fn document(&mut self, name: &str) -> Option<DocumentId> {
        let document = DocumentId::parse(self.filled(name)?);
        let document = document.map_err(|fault| format!("{name}: {fault}"));
        self.keep(name, document)
    }

    fn password(
        &mut self,
        name: &str,
        check: fn(&str) -> Result<(), &'static str>,
    ) -> Option<Secret> {
        let value = self.values.get(name)?.value.clone();
        if value.expose().is_empty() {
            self.warnings.push(format!(
                "{name} is empty: who knows a user's name needs no password"
            ));
        }
        if let Err(reason) = check(value.expose()) {
            self.fault(&[name], format!("the value of {name} {reason}"));
        }
        Some(value)
    }

    /// The empty one counts as none, as Ganeti cannot take a parameter away.
    fn product_key(&mut self) -> Option<Secret> {
        let key = self.filled("os_product_key")?;
        if is_product_key(key) {
            return Some(Secret::new(key.to_owned()));
        }
        self.fault(&["os_product_key"], format!("os_product_key {NO_KEY}"));
        None
    }

    fn authorized_keys(&mut self) -> Vec<String> {
        let Some(text) = self.given("auth_keys") else {
            return Vec::new();
        };
        let keys = parse_authorized_keys(text, Path::new("auth_keys"));
        let keys = self.keep("auth_keys", keys);
        if keys.as_ref().is_some_and(Vec::is_empty) {
            self.warnings.push("auth_keys holds no key".into());
        }
        keys.unwrap_or_default()
    }

    fn properties(&mut self) -> Properties {
        let mut pairs = properties::Pairs::new();
        for name in ["img_properties", "inst_properties"] {
            if let Some(text) = self.filled(name) {
                let read = properties::read(name, text, &mut pairs);
                for fault in read.err().unwrap_or_default() {
                    self.fault(&[name], fault);
                }
            }
        }
        Properties::new(pairs).unwrap_or_else(|faults| {
            for fault in faults {
                self.fault(&["img_properties", "inst_properties"], fault);
            }
            Properties::default()
        })
    }

    fn personality(&mut self) -> Vec<File> {
        let Some(text) = self.filled("img_personality") else {
            return Vec::new();
        };
        let files = parse_personality(text.as_bytes(), Path::new("img_personality"));
        // What the parser says may quote the content of a file.
        let files = files.map_err(|fault| match fault {
            PersonalityFileError::Json { source, .. } => format!(
                "img_personality is not a JSON list of files at line {}, column {}",
                source.line(),
                source.column()
            ),
            fault => format!("img_personality: {fault}"),
        });
        self.keep("img_personality", files).unwrap_or_default()
    }

    /// The empty one counts as none, as Ganeti cannot take a parameter away.
    fn user_data(&mut self) -> Option<UserData> {
        let data = UserData::from_base64(self.filled("cloud_userdata")?);
        let data = data.map_err(|fault| format!("cloud_userdata: {fault}"));
        self.keep("cloud_userdata", data)
    }
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
