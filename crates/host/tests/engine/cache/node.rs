//! A node with a cache, and a server with images.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use snf_image::cache::{self, Cache, Fetched, Listed};
use snf_image::cancel::Cancel;
use snf_image::digest::{Algorithm, Digest, Hasher};
use snf_image::fetch::Location;
use snf_image::role;
use snf_image::source::{Input, Url};
use snf_image::verification::{Checks, VerificationError, Verifying};
use snf_image_sandbox::User;
use snf_image_testkit::web::Web;
use tempfile::TempDir;

use crate::loopback;

pub(crate) const MIB: usize = 1 << 20;

/// Everything in it goes away with it.
pub(crate) struct Node {
    folder: TempDir,
    pub(crate) web: Web,
    pub(crate) size: u64,
}

/// An image as a deployment gets it.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) bytes: Vec<u8>,
    /// Whether no server has sent it.
    pub(crate) is_hit: bool,
}

impl Node {
    pub(crate) fn set() -> Self {
        role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("web")).unwrap();
        let web = Web::over(&folder.path().join("web")).unwrap();
        Node {
            folder,
            web,
            size: 1 << 30,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the server have an image of so many bytes, and gives them.
    pub(crate) fn publish(&self, name: &str, length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        let bytes: Vec<u8> = (0..length).map(|_| next()).collect();
        fs::write(self.path("web").join(name), &bytes).unwrap();
        bytes
    }

    pub(crate) fn cache(&self) -> Cache {
        Cache::open(&self.path("cache"), self.size).unwrap()
    }

    /// The files in the cache whose names begin so.
    pub(crate) fn files(&self, prefix: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("cache")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths
            .filter(|path| {
                path.file_name()
                    .unwrap()
                    .to_string_lossy()
                    .starts_with(prefix)
            })
            .collect();
        paths.sort();
        paths
    }

    pub(crate) fn list(&self) -> Vec<Listed> {
        self.cache().list().unwrap()
    }

    pub(crate) fn get(&self, name: &str, digest: Option<&str>) -> Result<Got, String> {
        self.get_until(name, digest, &Cancel::new().unwrap())
    }

    /// Does with an image what a deployment does, but for the copy.
    pub(crate) fn get_until(
        &self,
        name: &str,
        digest: Option<&str>,
        cancel: &Cancel,
    ) -> Result<Got, String> {
        let begin = Instant::now();
        let got = self.try_get(name, digest, cancel);
        assert!(begin.elapsed() < Duration::from_secs(60));
        got.inspect_err(|text| {
            assert!(!text.contains('\n') && !text.contains("hunter2"), "{text}");
        })
    }

    fn try_get(&self, name: &str, digest: Option<&str>, cancel: &Cancel) -> Result<Got, String> {
        let digest: Option<Digest> = digest.map(|digest| digest.parse().unwrap());
        let user = User::lookup("nobody").unwrap();
        let cache = self.cache();
        let location = Location::from(&Url::parse(&self.web.url(name)).unwrap());
        let fetched = cache::fetch(
            &cache,
            location,
            digest.as_ref(),
            &loopback(),
            &user,
            cancel,
        );
        let (input, claim, hit) = match fetched.map_err(|error| error.to_string())? {
            Fetched::Hit(hit) => (Input::File(hit.source(name).unwrap()), None, Some(hit)),
            Fetched::Stream { stream, claim } => (Input::Stream(stream), claim, None),
        };
        let checks = Checks {
            digest,
            kept: hit.as_ref().map(|hit| hit.sha256.clone()),
            ..Checks::default()
        };
        let store = claim.as_ref().map(|claim| claim.file().unwrap());
        let (input, verifying) = Verifying::start(input, checks, store, &user).unwrap();
        let mut bytes = Vec::new();
        match input {
            Input::File(source) => {
                bytes.resize(usize::try_from(source.length()).unwrap(), 0);
                source.read_at(&mut bytes, 0).unwrap();
            }
            Input::Stream(mut stream) => {
                stream.bytes.read_to_end(&mut bytes).unwrap();
                let sent = stream.producer.finish(cancel);
                sent.map_err(|error| error.to_string())?;
            }
        }
        let verified = verifying.finish(cancel).map_err(|error| {
            if let (VerificationError::Kept { .. }, Some(hit)) = (&error, &hit) {
                cache.discard(hit).unwrap();
            }
            error.to_string()
        })?;
        if let (Some(claim), Some(Ok(()))) = (claim, &verified.stored) {
            claim.keep(&verified.digests).unwrap();
        }
        Ok(Got {
            bytes,
            is_hit: hit.is_some(),
        })
    }
}

/// `sha256:…` or another digest of some bytes.
pub(crate) fn digest(algorithm: Algorithm, bytes: &[u8]) -> String {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish().to_string()
}
