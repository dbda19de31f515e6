//! The form of its configuration: sections, `name = value`, lines that go on (oslo.config, "Configuration
//! files").
// SPDX-License-Identifier: BSD-2-Clause

/// The settings, each with its section; of several with one name the last counts.
pub(super) struct Configuration(Vec<(String, String, String)>);

impl Configuration {
    /// Takes what is such a line, and nothing else.
    pub(super) fn new(text: &str) -> Self {
        let mut settings: Vec<(String, String, String)> = Vec::new();
        let mut section = String::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                if let Some((.., value)) = settings.last_mut() {
                    value.push(' ');
                    value.push_str(bare);
                }
            } else if let Some(name) = bare.strip_prefix('[') {
                name.trim_end_matches(']').trim().clone_into(&mut section);
            } else if let Some((name, value)) = bare.split_once(['=', ':']) {
                let setting = (section.clone(), name.trim().into(), value.trim().into());
                settings.push(setting);
            }
        }
        Configuration(settings)
    }

    /// What stands there, without quotes around it; nothing counts as not said.
    pub(super) fn value(&self, section: &str, name: &str) -> Option<&str> {
        let mut settings = self.0.iter().rev();
        let (.., value) = settings.find(|(of, own, _)| of == section && own == name)?;
        let quoted = ['"', '\'']
            .into_iter()
            .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        Some(quoted.unwrap_or(value)).filter(|value| !value.is_empty())
    }

    /// The items of a list.
    pub(super) fn list(&self, section: &str, name: &str) -> Option<Vec<&str>> {
        let items = self.value(section, name)?.split(',').map(str::trim);
        Some(items.filter(|item| !item.is_empty()).collect())
    }
}
