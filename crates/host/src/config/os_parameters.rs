//! The OS parameters by their names, which configuration files may give defaults for.
// SPDX-License-Identifier: BSD-2-Clause

/// An OS parameter.
#[derive(Debug)]
pub struct Parameter {
    /// As `gnt-instance add -O` spells it; in files and the environment in upper case.
    pub name: &'static str,
    /// One line for `gnt-os info`.
    pub description: &'static str,
    /// Whether its value is never shown.
    pub is_secret: bool,
}

/// Every OS parameter, in the order of `parameters.list`.
pub const PARAMETERS: [Parameter; 15] = [
    public(
        "img_id",
        "The image: a name in IMAGE_DIR, local://NAME, an http, https or ftp URL, s3://BUCKET/KEY, swift://CONTAINER/OBJECT, oci://REGISTRY/NAME:TAG, what a back-end of the node reads (SCHEME:…), or null to keep the disk (required)",
    ),
    public(
        "img_format",
        "What the image is: diskdump, a raw dump of a whole disk; extdump or ntfsdump, of one file system; qcow2, vmdk, vhd, vhdx or vdi; or auto, a whole disk by its content, for images in DETECT_FORMAT (required)",
    ),
    public(
        "img_digest",
        "What the digest of the image's bytes must be, such as sha256:HEX; another image is not deployed",
    ),
    public(
        "img_digest_url",
        "A list of digests such as SHA256SUMS that holds the image's, instead of img_digest: a name in IMAGE_DIR or a URL",
    ),
    public(
        "img_signature_url",
        "A signature of that list, or without one of the image, by a key of the node: a name in IMAGE_DIR or a URL",
    ),
    secret(
        "img_passwd",
        "The password to set for the users of the image",
    ),
    secret(
        "img_passwd_hash",
        "The password as a crypt(5) hash, instead of img_passwd",
    ),
    public(
        "auth_keys",
        "SSH public keys for the users, one a line as in authorized_keys",
    ),
    public(
        "img_properties",
        "Properties of the image as a JSON object, such as {\"USERS\": \"root\"}",
    ),
    public(
        "inst_properties",
        "Properties of the instance as a JSON object; they win over img_properties",
    ),
    secret(
        "img_personality",
        "Files to put into the image, as a JSON list of objects with path, contents (base64), owner, group and mode",
    ),
    secret(
        "config_url",
        "An http or https URL of a JSON object with any of these parameters, which win over those given here",
    ),
    secret(
        "os_product_key",
        "The product key for Windows Setup, five groups of five characters with hyphens between",
    ),
    public(
        "os_answer_file",
        "An answer file for Windows Setup in place of the image's own: a name in IMAGE_DIR or a URL",
    ),
    secret(
        "cloud_userdata",
        "User-data for cloud-init of the image, in base64; with it CLOUD_INIT is yes unless a property says auto",
    ),
];

const fn public(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        description,
        is_secret: false,
    }
}

const fn secret(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        description,
        is_secret: true,
    }
}

/// The parameter of a name in any case.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    let mut names = PARAMETERS.iter().map(|parameter| parameter.name);
    names.find(|known| known.eq_ignore_ascii_case(name))
}

/// The content of `parameters.list`: no blank line, which Ganeti would stumble over.
#[must_use]
pub fn list() -> String {
    let line = |parameter: &Parameter| format!("{} {}\n", parameter.name, parameter.description);
    PARAMETERS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_name_and_a_description_on_every_line() {
        for line in list().lines() {
            let (name, description) = line.split_once(' ').unwrap();
            assert_eq!(named(name), Some(name));
            assert!(description.len() > 10, "{line}");
        }
    }
}
