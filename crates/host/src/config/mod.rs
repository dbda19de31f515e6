//! The settings of a node: built-in defaults, and the configuration files over them.
// SPDX-License-Identifier: BSD-2-Clause

mod file;
mod settings;
mod shell;

pub use file::{ConfigError, DEFAULT_FILES, load};
pub use settings::{AcceleratorChoice, HelperBuilder, ParametersSeat, SettingError, Settings};
pub use shell::{Assignment, SyntaxError, parse};
