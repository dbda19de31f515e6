//! `snf-image config`: what is in effect, and where each value comes from.
// SPDX-License-Identifier: BSD-2-Clause

use serde_json::json;

use super::Failure;
use crate::cli::ConfigArguments;
use crate::config::Config;
use crate::config::os_parameters::PARAMETERS;
use crate::output;

/// One value.
struct Line {
    name: String,
    /// None: a secret.
    value: Option<String>,
    origin: String,
}

pub(super) fn run(
    arguments: &ConfigArguments,
    mut config: Config,
    json: bool,
) -> Result<(), Failure> {
    if let Some(variant) = &arguments.variant {
        let told = config.warnings.len();
        config
            .apply_variant(variant)
            .map_err(|fault| Failure::input(&fault))?;
        for warning in config.warnings.iter().skip(told) {
            tracing::warn!("{warning}");
        }
    }
    for Line {
        name,
        value,
        origin,
    } in lines(&config)
    {
        if json {
            let line = json!({"name": name, "value": value, "origin": origin});
            output::say_as_is(&line.to_string());
        } else {
            let value = value.map_or("(secret)".into(), |value| quoted(&value));
            output::say(&format!("{name}={value} # {origin}"));
        }
    }
    Ok(())
}

fn lines(config: &Config) -> Vec<Line> {
    let settings = config
        .settings
        .show()
        .into_iter()
        .map(|(name, value)| Line {
            name: name.to_owned(),
            value: Some(value),
            origin: config.origin(name).to_string(),
        });
    let parameters = PARAMETERS.iter().filter_map(|parameter| {
        let given = config.parameters.get(parameter.name)?;
        Some(Line {
            name: parameter.name.to_ascii_uppercase(),
            value: (!parameter.is_secret).then(|| given.value.expose().to_owned()),
            origin: given.origin.to_string(),
        })
    });
    settings.chain(parameters).collect()
}

/// As a configuration file would hold it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}
