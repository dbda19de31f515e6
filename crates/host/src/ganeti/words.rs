//! What the user hears of the errors of other parts; those not named here are internal.
// SPDX-License-Identifier: BSD-2-Clause

use super::config_url::UrlError;
use super::fault::Fault;
use super::image_id::ImageError;
use crate::backend::BackendError;
use crate::config::{ConfigError, VariantError};
use crate::copy::CopyFailure;
use crate::deploy::{DeployError, DriversError};
use crate::fetch::FetchError;
use crate::request::RequestError;
use crate::source::{ProducerError, SourceError};
use crate::store::StoreError;
use crate::target::TargetError;
use crate::verification::{SignatureError, VerificationError};
use crate::vm::VmError;

/// The fault of an error with what the user hears of it, if anything.
fn fault(error: &impl std::fmt::Display, words: Option<String>) -> Fault {
    match words {
        Some(words) => Fault::in_words(error, words),
        None => Fault::internal(error),
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        let words = match &error {
            ConfigError::Variant(VariantError::Name(name) | VariantError::Unknown { name, .. }) => {
                Some(format!("there is no OS variant {name:?}"))
            }
            _ => None,
        };
        fault(&error, words)
    }
}

impl From<UrlError> for Fault {
    fn from(error: UrlError) -> Self {
        let words = match &error {
            UrlError::Scheme => Some(error.to_string()),
            UrlError::Fetch(_) => Some("what config_url leads to could not be fetched".into()),
            UrlError::Content { .. } => {
                Some("what config_url leads to is not a JSON object of OS parameters".into())
            }
            UrlError::Interrupted => None,
        };
        fault(&error, words)
    }
}

impl From<ImageError> for Fault {
    fn from(error: ImageError) -> Self {
        let words = match &error {
            ImageError::Missing { name, .. }
            | ImageError::Outside { name, .. }
            | ImageError::Helper(name)
            | ImageError::Special(name) => {
                Some(format!("img_id: there is no image {}", name.display()))
            }
            ImageError::Source(error) => of_source(error),
            ImageError::Directory { .. } | ImageError::Open { .. } => None,
        };
        fault(&error, words)
    }
}

/// The fault of a list or a signature that a parameter names.
pub(super) fn of_document(parameter: &str, error: &ImageError) -> Fault {
    let words = match error {
        ImageError::Missing { .. }
        | ImageError::Outside { .. }
        | ImageError::Helper(_)
        | ImageError::Special(_) => Some(format!("{parameter}: there is no such file")),
        ImageError::Source(SourceError::Empty { .. }) => Some(format!("{parameter} is empty")),
        _ => None,
    };
    let text = format!("{parameter}: {error}");
    fault(&text, words)
}

impl From<RequestError> for Fault {
    fn from(error: RequestError) -> Self {
        Fault::of_request(error)
    }
}

impl From<DeployError> for Fault {
    fn from(error: DeployError) -> Self {
        let words = match &error {
            DeployError::Source(error) => of_source(error),
            DeployError::Target(error) => of_target(error),
            DeployError::Backend(BackendError::None { scheme, .. }) => {
                Some(format!("img_id: no source of images reads {scheme:?}"))
            }
            DeployError::Fetch(FetchError::Failed { .. })
            | DeployError::Backend(BackendError::Failed { .. })
            | DeployError::Copy(CopyFailure::Producer(ProducerError::Failed(_))) => {
                Some("the image could not be fetched".into())
            }
            DeployError::Store(StoreError::Unknown { what, .. }) => {
                Some(format!("img_id: there is no {what}"))
            }
            // The reason comes from another process as the log's text alone.
            DeployError::Copy(CopyFailure::Failed {
                untouched: true, ..
            }) => Some(
                "the image is damaged, not of the form that img_format says, or larger than the disk"
                    .into(),
            ),
            DeployError::Verification(error) | DeployError::Unverified(error) => {
                of_verification(error)
            }
            DeployError::AnswerFile(_) => {
                Some("what os_answer_file names could not be read or fetched".into())
            }
            DeployError::Drivers(DriversError::Missing { name, .. }) => Some(format!(
                "property WINDOWS_DRIVERS={name}: there are no such drivers"
            )),
            DeployError::Drivers(unfit @ DriversError::Unfit { .. }) => Some(unfit.to_string()),
            DeployError::Vm(error) => of_vm(error),
            DeployError::Interrupted(_) => Some("the installation was interrupted".into()),
            _ => None,
        };
        fault(&error, words)
    }
}

fn of_verification(error: &VerificationError) -> Option<String> {
    let of_key = match error {
        VerificationError::Signature { error, .. } => Some(error),
        _ => None,
    };
    match (error, of_key) {
        (VerificationError::Digest { wanted, .. }, _) => Some(format!(
            "the image is damaged or another one: its {} digest is not the one that was asked for",
            wanted.algorithm()
        )),
        (VerificationError::Kept { .. }, _) => {
            Some("the node's copy of the image was damaged and is removed: try again".into())
        }
        (VerificationError::Required { what, .. }, _) => Some(format!(
            "here only images with {what} are installed: see img_digest, img_digest_url, img_signature_url"
        )),
        (VerificationError::List { error, .. }, _) => {
            Some(format!("the list of digests in img_digest_url: {error}"))
        }
        (VerificationError::NoName(_), _) => {
            Some("the image has no file name to look for in img_digest_url".into())
        }
        (
            VerificationError::Fetching(FetchError::Failed { .. }) | VerificationError::Fetch(_),
            _,
        ) => Some("what img_digest_url or img_signature_url leads to could not be fetched".into()),
        (_, Some(SignatureError::UnknownKey { .. } | SignatureError::NoKeys { .. })) => {
            Some("the signature in img_signature_url is by none of the keys that count here".into())
        }
        (
            _,
            Some(
                error @ (SignatureError::Bad
                | SignatureError::ClearSigned
                | SignatureError::NotClearSigned
                | SignatureError::NoSignature
                | SignatureError::NotHashed
                | SignatureError::Expired(_)
                | SignatureError::KeyExpired(_)
                | SignatureError::KeyRevoked(_)),
            ),
        ) => Some(format!("the signature in img_signature_url {error}")),
        _ => None,
    }
}

fn of_source(error: &SourceError) -> Option<String> {
    match error {
        SourceError::Empty { .. } => Some("the image is empty".into()),
        SourceError::Changed { .. } | SourceError::Shrank { .. } => {
            Some("the image was changed while it was copied: try again".into())
        }
        _ => None,
    }
}

fn of_target(error: &TargetError) -> Option<String> {
    match error {
        TargetError::TooSmall {
            capacity, image, ..
        } => Some(format!(
            "the image has {image} bytes and the disk only {capacity}: use a larger disk"
        )),
        TargetError::InUse { .. } | TargetError::Locked { .. } => {
            Some("the disk is in use: try again later".into())
        }
        _ => None,
    }
}

fn of_vm(error: &VmError) -> Option<String> {
    match error {
        // The helper knows the image and what was asked for, and nothing of the node.
        VmError::HelperFailed { reason } => {
            Some(format!("the image could not be customised: {reason}"))
        }
        VmError::TimedOut { .. } => Some("customising the image took too long".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ganeti::fault::{Faults, INTERNAL};

    const NODE: &str = "/srv/of-the-node";

    fn heard(fault: impl Into<Fault>) -> String {
        Faults::one(fault).for_user().join("; ")
    }

    #[test]
    fn the_user_hears_of_the_image_and_not_where_it_is() {
        let image = |error: ImageError| heard(error);
        let directory = || NODE.into();
        let missing = ImageError::Missing {
            name: "debian".into(),
            directory: directory(),
        };
        assert_eq!(image(missing), "img_id: there is no image debian");
        let empty = SourceError::Empty { path: directory() };
        assert_eq!(image(empty.into()), "the image is empty");
        let error = std::io::Error::other(NODE);
        let path = directory();
        assert_eq!(image(ImageError::Directory { path, error }), INTERNAL);
    }

    #[test]
    fn the_user_hears_of_the_disk_and_not_which_it_is() {
        let small = TargetError::TooSmall {
            path: NODE.into(),
            capacity: 512,
            image: 1024,
        };
        assert_eq!(
            heard(DeployError::Target(small)),
            "the image has 1024 bytes and the disk only 512: use a larger disk"
        );
        let failed = TargetError::Write {
            path: NODE.into(),
            offset: 0,
            error: std::io::ErrorKind::StorageFull.into(),
        };
        assert_eq!(heard(DeployError::Target(failed)), INTERNAL);
        for untouched in [true, false] {
            let reason = NODE.into();
            let failed = CopyFailure::Failed { reason, untouched };
            let heard = heard(DeployError::Copy(failed));
            assert_eq!(heard == INTERNAL, !untouched, "{heard}");
            assert!(!heard.contains(NODE));
        }
    }

    #[test]
    fn the_user_hears_the_helper_s_words_and_no_setting() {
        let reason = "MountImage: no partition table".into();
        let failed = DeployError::Vm(VmError::HelperFailed { reason });
        assert!(heard(failed).ends_with("no partition table"));
        let late = VmError::TimedOut {
            seconds: 7,
            last: NODE.into(),
        };
        assert_eq!(
            heard(DeployError::Vm(late)),
            "customising the image took too long"
        );
        let missing = DeployError::Vm(VmError::NoEmulator(NODE.into()));
        assert_eq!(heard(missing), INTERNAL);
    }

    #[test]
    fn the_user_hears_of_his_variant_and_url() {
        let unknown = VariantError::Unknown {
            name: "x".into(),
            list: NODE.into(),
            path: NODE.into(),
        };
        assert_eq!(
            heard(ConfigError::from(unknown)),
            "there is no OS variant \"x\""
        );
        assert_eq!(heard(ConfigError::Writable(NODE.into())), INTERNAL);
        let fetch = UrlError::Fetch("http://10.0.0.1: refused".into());
        assert_eq!(
            heard(fetch),
            "what config_url leads to could not be fetched"
        );
    }
}
