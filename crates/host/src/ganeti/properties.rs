//! Properties as the OS parameters hold them: JSON objects.
// SPDX-License-Identifier: BSD-2-Clause

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Names in upper case and their values.
pub(super) type Pairs = BTreeMap<String, String>;

/// Reads an object into `pairs`, over what is there. `null` takes a property away, numbers and
/// booleans become text, a list of these becomes words.
///
/// # Errors
/// All faults. They hold no value.
pub(super) fn read(parameter: &str, text: &str, pairs: &mut Pairs) -> Result<(), Vec<String>> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|fault| {
        vec![format!(
            "{parameter} is not a JSON object at line {}, column {}",
            fault.line(),
            fault.column()
        )]
    })?;
    let mut faults = Vec::new();
    for (name, value) in object {
        let name = name.to_ascii_uppercase();
        if value.is_null() {
            pairs.remove(&name);
        } else if let Some(value) = as_text(&value) {
            pairs.insert(name, value);
        } else {
            let name: String = name.chars().take(80).collect();
            faults.push(format!(
                "{parameter}: the value of {name:?} is no text, number, boolean or list of these"
            ));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(values) => {
            let words: Option<Vec<_>> = values.iter().map(scalar).collect();
            words.map(|words| words.join(" "))
        }
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_simple_kind_become_text() {
        let mut pairs = Pairs::new();
        read(
            "img_properties",
            r#"{"a": true, "b": 1, "c": "x", "d": ["x", 2], "e": "old", "f": "old"}"#,
            &mut pairs,
        )
        .unwrap();
        read("inst_properties", r#"{"E": "new", "F": null}"#, &mut pairs).unwrap();
        let text: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(text, ["A=true", "B=1", "C=x", "D=x 2", "E=new"]);
    }

    #[test]
    fn everything_else_is_refused_without_showing_it() {
        for text in [
            "",
            "[]",
            "\"hunter2\"",
            "{\"a\": hunter2}",
            r#"{"a": {"b": "hunter2"}}"#,
            r#"{"a": [["hunter2"]]}"#,
        ] {
            let faults = read("img_properties", text, &mut Pairs::new()).unwrap_err();
            assert_eq!(faults.len(), 1);
            assert!(!faults[0].contains("hunter2"), "{faults:?}");
        }
    }
}
