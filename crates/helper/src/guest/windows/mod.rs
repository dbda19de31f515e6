//! Windows: what its setup reads at the first start of a generalized image.
// SPDX-License-Identifier: BSD-2-Clause

pub mod answer_file;
pub mod cloudbase_init;
pub mod computer_name;
pub mod drivers;
pub mod first_boot;
pub mod password;
pub mod power_shell;
pub mod registry;
pub mod system;
pub mod text;
