//! What an external task is told: the documented variables, and no secret.
// SPDX-License-Identifier: BSD-2-Clause

use crate::disk::detect::family_name;
use crate::run::context::Context;

/// The environment of an external task.
pub(super) fn of(context: &Context<'_>) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut set = |name: &str, value: String| {
        // A variable with a NUL inside cannot be passed on.
        if !value.contains('\0') {
            variables.push((format!("SNF_IMAGE_{name}"), value));
        }
    };
    for (name, value) in context.parameters.properties.iter() {
        set(&format!("PROPERTY_{name}"), value.into());
    }
    set("PROPERTY_OSFAMILY", family_name(context.os_family).into());
    if let Some(number) = context.root_partition {
        set("PROPERTY_ROOT_PARTITION", number.to_string());
    }
    if let Some(hostname) = &context.parameters.hostname {
        set("HOSTNAME", hostname.to_string());
    }
    set("DEV_COUNT", context.disks.len().to_string());
    for (index, disk) in context.disks.iter().enumerate() {
        let disk = disk.to_string_lossy();
        if index == 0 {
            set("DEV", disk.clone().into_owned());
        }
        set(&format!("DEV_{index}"), disk.into_owned());
    }
    set("TARGET", context.target.to_string_lossy().into_owned());
    if let Some(last) = context.table.as_ref().and_then(|table| table.last()) {
        set("RESIZE_PART", last.partition.number.to_string());
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::testing::{Warnings, context, parameters};

    #[test]
    fn a_task_gets_the_documented_variables_and_no_secret() {
        let parameters = parameters(r#""USERS":"root","OSFAMILY":"""#);
        let mut warnings = Warnings::default();
        let variables = of(&context(&parameters, &mut warnings));
        let value = |name: &str| {
            let mut all = variables.iter().rev();
            all.find(|(own, _)| own == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(value("SNF_IMAGE_HOSTNAME"), Some("vm.example.org"));
        assert_eq!(value("SNF_IMAGE_DEV_COUNT"), Some("2"));
        assert_eq!(value("SNF_IMAGE_DEV"), value("SNF_IMAGE_DEV_0"));
        assert_eq!(value("SNF_IMAGE_PROPERTY_USERS"), Some("root"));
        assert_eq!(value("SNF_IMAGE_PROPERTY_OSFAMILY"), Some("linux"));
        assert!(value("SNF_IMAGE_TARGET").is_some());
        assert!(
            variables
                .iter()
                .all(|(_, value)| !value.contains("hunter2"))
        );
    }
}
