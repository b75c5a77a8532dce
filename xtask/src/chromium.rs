//! The browser of the front-end tests: the distribution's own Chromium.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{environment, packages};

const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The path of a Chromium, installed through the system's package manager when there is none.
pub(crate) fn find_or_install() -> Result<PathBuf> {
    if let Some(chosen) = environment::path(environment::CHROMIUM) {
        return Ok(chosen);
    }
    if let Some(found) = environment::find_program(NAMES) {
        return Ok(found);
    }
    let advice = || {
        format!(
            "there is no browser for the tests\nhint: install Chromium yourself (`apt-get install chromium`, `dnf install chromium`), \
             or name a browser in {}",
            environment::CHROMIUM
        )
    };
    packages::install(packages::Package::Chromium).with_context(advice)?;
    environment::find_program(NAMES)
        .context("Chromium is installed but not on PATH")
        .with_context(advice)
}
