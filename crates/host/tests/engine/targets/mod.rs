//! Disks behind URIs, of real servers, with images put onto them by the processes that do it in a
//! deployment.
// SPDX-License-Identifier: BSD-2-Clause

mod faults;
mod nbd;
mod stage;
