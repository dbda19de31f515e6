//! A directory with an image, keys, and what was made with them.
// SPDX-License-Identifier: BSD-2-Clause

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use snf_image::cancel::Cancel;
use snf_image::config::Settings;
use snf_image::request::{Image, Request};
use snf_image::role;
use snf_image::source::{Input, Producer, ProducerError, Source, Stream};
use snf_image::verification::{Checks, Document, Verified, Verifying, prepare};
use snf_image_sandbox::User;
use tempfile::TempDir;

/// Everything in it goes away with it.
pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) settings: Settings,
}

/// How the image's bytes come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    File,
    Pipe,
}

/// What is asked for beside the image: nothing, for a start.
#[derive(Debug, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) digest: Option<String>,
    pub(crate) list: Option<&'a str>,
    pub(crate) signature: Option<&'a str>,
}

impl Stage {
    /// With `disk.img` and an empty directory of keys, `keys`.
    pub(crate) fn set() -> Self {
        role::taken_by(env!("CARGO_BIN_EXE_snf-image").into());
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        let bytes: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(folder.path().join("disk.img"), bytes).unwrap();
        let settings = Settings {
            keys_dir: folder.path().join("keys"),
            fetch_allow: vec!["127.0.0.0/8".parse().unwrap()],
            ..Settings::default()
        };
        Stage { folder, settings }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a shell script in the directory, and gives what it printed.
    pub(crate) fn run(&self, script: &str) -> String {
        let mut command = Command::new("sh");
        let output = command
            .args(["-euc", script])
            .current_dir(self.folder.path())
            .env("GNUPGHOME", self.path("gnupg"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What must hold of an image by what stands in lists and signatures.
    pub(crate) fn prepare(&self, image: &str, asked: &Asked<'_>) -> Result<Checks, String> {
        let document = |name: &&str| match name.contains("://") {
            true => Document::of_argument(name.as_ref()).unwrap(),
            false => Document::At(self.path(name)),
        };
        let request = Request {
            digest: asked.digest.as_ref().map(|digest| digest.parse().unwrap()),
            digest_list: asked.list.as_ref().map(document),
            signature: asked.signature.as_ref().map(document),
            ..Request::new(Image::At(self.path(image)), self.path("disk").into())
        };
        let cancel = Cancel::new().unwrap();
        let claims = request.claims().unwrap();
        one_line(prepare(&claims, &self.settings, &user(), &cancel))
    }

    /// Lets all of an image be seen, as the copy does.
    pub(crate) fn verify(
        &self,
        image: &str,
        by: By,
        asked: &Asked<'_>,
    ) -> Result<Verified, String> {
        let checks = self.prepare(image, asked)?;
        let bytes = fs::read(self.path(image)).unwrap();
        let input = match by {
            By::File => Input::File(Source::open(&self.path(image)).unwrap()),
            By::Pipe => self.cat(image),
        };
        let (input, verifying) = Verifying::start(input, checks, None, &user()).unwrap();
        if let Input::Stream(mut stream) = input {
            let mut passed_on = Vec::new();
            stream.bytes.read_to_end(&mut passed_on).unwrap();
            assert!(passed_on == bytes, "{} bytes passed on", passed_on.len());
        }
        one_line(verifying.finish(&Cancel::new().unwrap()))
    }

    fn cat(&self, image: &str) -> Input {
        let cat = Command::new("cat")
            .arg(self.path(image))
            .stdout(Stdio::piped())
            .spawn();
        let mut cat = cat.unwrap();
        let bytes = cat.stdout.take().unwrap();
        Input::Stream(Stream {
            bytes: File::from(OwnedFd::from(bytes)),
            name: self.path(image).display().to_string(),
            length: None,
            patience: None,
            producer: Box::new(Cat(cat)),
        })
    }
}

#[derive(Debug)]
struct Cat(Child);

impl Producer for Cat {
    fn finish(mut self: Box<Self>, _: &Cancel) -> Result<(), ProducerError> {
        assert!(self.0.wait().unwrap().success());
        Ok(())
    }
}

fn one_line<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains('\n') && !text.contains("hunter2"), "{text}");
        text
    })
}

fn user() -> User {
    User::lookup("nobody").unwrap()
}
