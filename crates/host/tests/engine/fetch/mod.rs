//! Fetches images from servers on this machine, good and bad, by the process that does it in use.
// SPDX-License-Identifier: BSD-2-Clause

mod broken;
mod client;
mod confinement;
mod ftp;
mod ftp_lies;
mod policy;
mod program;
mod stores;
mod tls;
mod whole;
