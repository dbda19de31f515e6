//! `verify`: looks at the OS parameters before Ganeti makes, changes or installs anything.
// SPDX-License-Identifier: BSD-2-Clause

use std::ffi::OsString;

use super::create::values;
use super::environment::Environment;
use super::fault::Faults;
use super::parameters;
use super::script::{Script, configuration, tell};
use crate::config::Config;

/// Tells all faults at once: those of the environment and those of the parameters that could be read.
pub(super) fn run(variables: Vec<(OsString, OsString)>) -> Result<(), Faults> {
    let (environment, mut faults) = Environment::read(variables, Script::Verify);
    let checked = configuration(environment.variant.as_deref()).and_then(|config| {
        tell(&config, environment.debug);
        check(&environment, &config)
    });
    faults
        .0
        .extend(checked.err().into_iter().flat_map(|more| more.0));
    faults.or(())
}

/// Checks as `create` will, except for what only the instance's own node can tell, and of what
/// is given alone: `gnt-os modify` and `gnt-instance modify` call this for a few parameters as well.
fn check(environment: &Environment, config: &Config) -> Result<(), Faults> {
    let wanted = parameters::check(&values(config, &environment.parameters), false)?;
    wanted.check_format(&config.settings).map_err(Faults::one)?;
    for warning in wanted.warnings {
        tracing::warn!("{warning}");
    }
    Ok(())
}
