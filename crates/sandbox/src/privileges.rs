//! Barrier: no capabilities, and none to be had by executing something.
// SPDX-License-Identifier: BSD-2-Clause

use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::error::{ConfineError, Doing};

/// No exec can give privileges any more (PR_SET_NO_NEW_PRIVS of prctl(2)), and the bounding
/// set of capabilities(7) is empty. Needs root; to be called before ids change.
pub(crate) fn bound() -> Result<(), ConfineError> {
    rustix::thread::set_no_new_privs(true).doing("setting no_new_privs")?;
    for number in 0..u64::BITS {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // Past the last capability that the kernel knows.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error).doing("emptying the capability bounding set"),
        }
    }
    rustix::thread::clear_ambient_capability_set().doing("clearing ambient capabilities")
}

/// Gives up what is left of the capabilities. To be called after ids have changed.
pub(crate) fn give_up() -> Result<(), ConfineError> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none).doing("giving up capabilities")
}
