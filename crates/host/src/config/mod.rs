//! The settings of a node: built-in defaults, and the configuration files over them.
// SPDX-License-Identifier: BSD-2-Clause

mod file;
mod leftovers;
mod network;
mod obsolete;
mod origin;
pub mod os_parameters;
mod prefix;
mod rule;
mod settings;
mod variant;

pub(crate) use file::variables;
pub use file::{Config, ConfigError, DEFAULT_FILES, load};
pub use network::{AutoIpv6, DefaultNic, NetworkSettings};
pub use origin::{Given, Origin};
pub use prefix::{Prefix, PrefixError};
pub(crate) use rule::same_bits;
pub use rule::{Rule, RuleError};
pub use settings::{AcceleratorChoice, HelperBuilder, ParametersSeat, SettingError, Settings};
pub use variant::VariantError;
