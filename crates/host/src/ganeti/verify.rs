//! `verify`: looks at the OS parameters before Ganeti makes, changes or installs anything.
// SPDX-License-Identifier: BSD-2-Clause

use super::create::values;
use super::environment::Environment;
use super::fault::Faults;
use super::parameters;
use crate::config::Config;

/// Checks as `create` will, except for what only the instance's own node can tell, and of what
/// is given alone: `gnt-os modify` and `gnt-instance modify` call this for a few parameters as well.
pub(super) fn run(environment: &Environment, config: &Config) -> Result<(), Faults> {
    let wanted = parameters::check(&values(config, &environment.parameters), false)?;
    wanted.check_format(&config.settings).map_err(Faults::one)?;
    for warning in wanted.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}
