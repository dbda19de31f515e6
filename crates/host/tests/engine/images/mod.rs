//! Images of every form, made by other tools and put onto disks by the process that does it
//! in a deployment.
// SPDX-License-Identifier: BSD-2-Clause

mod bombs;
mod collection;
mod compression;
mod containers;
mod matrix;
mod qcow2;
mod stage;
mod storage;
