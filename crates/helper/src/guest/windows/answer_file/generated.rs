//! The answer file for images that bring none.
// SPDX-License-Identifier: BSD-2-Clause

use super::edit::escaped;
use super::names::COMPONENT;
use super::{
    AnswerFileError, Architecture, DEPLOYMENT, INTERNATIONAL, Pass, SHELL_SETUP, UNATTEND, WCM,
};

/// What Windows asks a person at its first start unless it is told that an account exists.
const NO_QUESTION: &str = "reg.exe add HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Setup\\OOBE \
                           /v UnattendCreatedUser /t REG_DWORD /d 1 /f";

/// Settings that came with Windows 8 and Server 2012; an older release refuses the whole file
/// when it meets one.
const SINCE_6_2: &[(&str, &str)] = &[
    ("HideEULAPage", "true"),
    ("HideLocalAccountScreen", "true"),
    ("HideOEMRegistrationScreen", "true"),
    ("HideOnlineAccountScreens", "true"),
    ("HideWirelessSetupInOOBE", "true"),
    ("NetworkLocation", "Other"),
    ("ProtectYourPC", "1"),
];

/// Those that every release since Vista and Server 2008 knows.
const ALWAYS: &[(&str, &str)] = &[
    ("HideEULAPage", "true"),
    ("NetworkLocation", "Other"),
    ("ProtectYourPC", "1"),
];

/// What the generated file is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The machine's architecture, or all where it is not known.
    pub architectures: &'a [Architecture],
    /// Whether the image is of Windows 8, Server 2012 or later.
    pub is_since_6_2: bool,
    /// The time zone by Windows' own name, such as `GMT Standard Time`.
    pub time_zone: &'a str,
    /// Language and region, such as `en-US`.
    pub locale: &'a str,
}

/// An answer file that asks nobody anything: UTF-8, lines as Windows ends them, components and
/// settings in alphabetical order as Microsoft's own editor writes them.
///
/// # Errors
/// When the time zone or the locale cannot stand in XML.
pub fn generate(wanted: Wanted<'_>) -> Result<Vec<u8>, AnswerFileError> {
    let (time_zone, locale) = (escaped(wanted.time_zone)?, escaped(wanted.locale)?);
    let mut specialize = Vec::new();
    let mut oobe = Vec::new();
    for architecture in wanted.architectures {
        let command = [
            element("Description", "ask for no account"),
            element("Order", "1"),
            element("Path", &escaped(NO_QUESTION)?),
        ];
        let command = block("RunSynchronousCommand wcm:action=\"add\"", &command);
        let command = block("RunSynchronous", &command);
        specialize.push(component(DEPLOYMENT, *architecture, &command));
        let names = [
            element("ComputerName", "*"),
            element("TimeZone", &time_zone),
        ];
        specialize.push(component(SHELL_SETUP, *architecture, &names));
        let languages = ["InputLocale", "SystemLocale", "UILanguage", "UserLocale"]
            .map(|name| element(name, &locale));
        oobe.push(component(INTERNATIONAL, *architecture, &languages));
        let hidden = if wanted.is_since_6_2 {
            SINCE_6_2
        } else {
            ALWAYS
        };
        let hidden: Vec<_> = (hidden.iter())
            .map(|(name, value)| element(name, value))
            .collect();
        oobe.push(component(
            SHELL_SETUP,
            *architecture,
            &block("OOBE", &hidden),
        ));
    }
    // Components by their names: those of one name differ by their architecture.
    specialize.sort();
    oobe.sort();
    let passes = [(Pass::Specialize, specialize), (Pass::OobeSystem, oobe)];
    let mut lines = vec!["<?xml version=\"1.0\" encoding=\"utf-8\"?>".to_owned()];
    let settings = passes.into_iter().flat_map(|(pass, components)| {
        let lines: Vec<_> = components.into_iter().flatten().collect();
        block(&format!("settings pass=\"{}\"", pass.name()), &lines)
    });
    let settings: Vec<_> = settings.collect();
    lines.extend(block(&format!("unattend xmlns=\"{UNATTEND}\""), &settings));
    lines.push(String::new());
    Ok(lines.join("\r\n").into_bytes())
}

fn component(name: &str, architecture: Architecture, lines: &[String]) -> Vec<String> {
    let mut tag = format!(
        "component name=\"{name}\" processorArchitecture=\"{}\"",
        architecture.name()
    );
    for (attribute, value) in COMPONENT {
        tag.push_str(&format!(" {attribute}=\"{value}\""));
    }
    tag.push_str(&format!(" xmlns:wcm=\"{WCM}\""));
    block(&tag, lines)
}

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{value}</{name}>")
}

/// An element around lines, each of which goes four columns to the right.
fn block(tag: &str, lines: &[String]) -> Vec<String> {
    let name = tag.split(' ').next().unwrap_or(tag);
    let inner = lines.iter().map(|line| format!("    {line}"));
    std::iter::once(format!("<{tag}>"))
        .chain(inner)
        .chain([format!("</{name}>")])
        .collect()
}
