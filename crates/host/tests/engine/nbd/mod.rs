//! The NBD client against servers of other projects, and against one that lies.
// SPDX-License-Identifier: BSD-2-Clause

mod liars;
mod servers;
