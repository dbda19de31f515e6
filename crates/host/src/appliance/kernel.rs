//! Takes the bare kernel out of a bootable one, so that it starts without unpacking itself.
// SPDX-License-Identifier: BSD-2-Clause

use std::borrow::Cow;

use super::decompress::decompress;
use super::elf::Elf;

/// The largest kernel, unpacked, in bytes.
pub(super) const MAX_KERNEL: usize = 256 * 1024 * 1024;

/// Fields of the header of a bzImage (Linux, Documentation/arch/x86/boot.rst).
const SETUP_SECTS: usize = 0x1f1;
const MAGIC: usize = 0x202;
const VERSION: usize = 0x206;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// The first version of that header that says where the payload is.
const FIRST_VERSION_WITH_PAYLOAD: u16 = 0x0208;

/// What the kernel prints first, followed by its release (uname -r).
const BANNER: &[u8] = b"Linux version ";

/// A kernel that QEMU can start directly.
#[derive(Debug)]
pub(super) struct Kernel<'bytes> {
    /// The ELF file.
    pub(super) vmlinux: Cow<'bytes, [u8]>,
    /// Its release, as uname -r would print it.
    pub(super) release: String,
}

/// Takes a bzImage or an ELF kernel.
///
/// # Errors
/// Says in words what is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Kernel<'_>, String> {
    let packed = if bytes.starts_with(b"\x7fELF") {
        bytes
    } else {
        payload(bytes)?
    };
    let vmlinux =
        decompress(packed, MAX_KERNEL).map_err(|error| format!("unpacking it: {error}"))?;
    let elf = Elf::parse(&vmlinux).ok_or("it is no 64-bit x86 ELF file")?;
    if !elf.has_pvh_entry() {
        return Err("it was built without CONFIG_PVH, so QEMU cannot start it".to_owned());
    }
    let release = release(&vmlinux).ok_or("it does not say which release of Linux it is")?;
    Ok(Kernel { vmlinux, release })
}

fn payload(bytes: &[u8]) -> Result<&[u8], String> {
    header(bytes).map_or(
        Err("it is neither an ELF file nor a bzImage".to_owned()),
        |(version, start, length)| {
            if version < FIRST_VERSION_WITH_PAYLOAD {
                return Err("it is older than Linux 2.6.26".to_owned());
            }
            start
                .zip(length)
                .and_then(|(start, length)| bytes.get(start..start.checked_add(length)?))
                .ok_or_else(|| "it is truncated".to_owned())
        },
    )
}

/// The version of the header, and where the payload starts and how long it is.
fn header(bytes: &[u8]) -> Option<(u16, Option<usize>, Option<usize>)> {
    if bytes.get(MAGIC..)?.first_chunk::<4>()? != b"HdrS" {
        return None;
    }
    let version = u16::from_le_bytes(*bytes.get(VERSION..)?.first_chunk()?);
    // Zero means four, for the sake of loaders older than the field.
    let sectors = match *bytes.get(SETUP_SECTS)? {
        0 => 4,
        sectors => usize::from(sectors),
    };
    let offset = u32::from_le_bytes(*bytes.get(PAYLOAD_OFFSET..)?.first_chunk()?);
    let length = u32::from_le_bytes(*bytes.get(PAYLOAD_LENGTH..)?.first_chunk()?);
    let start = usize::try_from(offset)
        .ok()
        .and_then(|offset| offset.checked_add((sectors + 1) * 512));
    Some((version, start, usize::try_from(length).ok()))
}

fn release(vmlinux: &[u8]) -> Option<String> {
    let at = vmlinux
        .windows(BANNER.len())
        .position(|window| window == BANNER)?;
    let text = vmlinux.get(at.checked_add(BANNER.len())?..)?;
    let word = text.split(|byte| *byte == b' ').next()?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-~".contains(byte);
    (!word.is_empty() && word.len() < 65 && word.iter().all(plain))
        .then(|| String::from_utf8_lossy(word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bz_image(payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        bytes[SETUP_SECTS] = 1;
        bytes[MAGIC..MAGIC + 4].copy_from_slice(b"HdrS");
        bytes[VERSION..VERSION + 2].copy_from_slice(&0x20f_u16.to_le_bytes());
        bytes[PAYLOAD_OFFSET..PAYLOAD_OFFSET + 4].copy_from_slice(&16_u32.to_le_bytes());
        let length = u32::try_from(payload.len()).unwrap();
        bytes[PAYLOAD_LENGTH..PAYLOAD_LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn the_payload_of_a_bz_image_is_found() {
        assert_eq!(payload(&bz_image(b"payload")).unwrap(), b"payload");
    }

    #[test]
    fn what_is_no_kernel_is_refused_with_a_reason() {
        let mut truncated = bz_image(b"payload");
        truncated.pop();
        assert_eq!(parse(&truncated).unwrap_err(), "it is truncated");
        assert!(parse(b"").unwrap_err().contains("neither"));
        assert!(parse(&[0; 4096]).unwrap_err().contains("neither"));
        assert!(
            parse(&bz_image(b"payload"))
                .unwrap_err()
                .contains("unpacking")
        );
        let program = std::fs::read("/proc/self/exe").unwrap();
        assert!(parse(&program).unwrap_err().contains("CONFIG_PVH"));
    }

    #[test]
    fn the_release_is_read_from_the_banner() {
        let bytes = b"\0\0Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)";
        assert_eq!(release(bytes).unwrap(), "6.1.0-56-cloud-amd64");
        assert!(release(b"Linux version %s (%s)").is_none());
        assert!(release(b"Linux version ").is_none());
    }
}
