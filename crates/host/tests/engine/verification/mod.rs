//! Digests, lists of them, and signatures, made by other tools and checked by the processes that do it in a
//! deployment.
// SPDX-License-Identifier: BSD-2-Clause

mod digests;
mod lists;
mod openpgp;
mod published;
mod signatures;
mod stage;
