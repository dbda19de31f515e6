//! The stage for tests of the whole product: where its programs are, and a place to play.
//!
//! `cargo xtask test` builds everything and says where it is; without that these tests say
//! so and pass.
// SPDX-License-Identifier: BSD-2-Clause

#![allow(
    clippy::panic,
    reason = "a test that cannot be set up has failed, and says why"
)]

mod aside;
mod cell;
mod cluster;
mod deployment;
mod failing;
mod outcome;
mod own_helper;
mod owner;
mod product;
mod scene;
mod script;
mod traces;

pub use aside::Packages;
pub use cell::Cell;
pub use cluster::{Cluster, Instance, Published};
pub use deployment::{Deployment, LIMIT};
pub use failing::Original;
pub use outcome::Outcome;
pub use own_helper::OwnHelper;
pub use owner::{Owner, Running};
pub use product::Product;
pub use scene::Scene;
pub use script::{INSTANCE, Script};
pub use traces::Traces;
