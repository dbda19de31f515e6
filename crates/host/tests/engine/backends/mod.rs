//! Images from back-ends: real programs with the protocol of release 0.23, good and bad.
// SPDX-License-Identifier: BSD-2-Clause

mod choice;
mod node;
mod sending;
