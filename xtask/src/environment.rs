//! The only place of this tool that reads environment variables.

use std::ffi::OsString;
use std::path::PathBuf;

/// A Python interpreter with the packages of `tests/requirements.txt`; set it to use one of your own.
pub(crate) const PYTHON: &str = "ADRASTEA_TEST_PYTHON";
/// The server binary under test.
pub(crate) const BINARY: &str = "ADRASTEA_TEST_BINARY";
/// The synthetic kernel, for tests and benchmarks without Python.
pub(crate) const FAKE_KERNEL: &str = "ADRASTEA_TEST_FAKE_KERNEL";
/// The browser; set it to use one of your own.
pub(crate) const CHROMIUM: &str = "ADRASTEA_TEST_CHROMIUM";
/// Where tests leave screenshots and server logs.
pub(crate) const ARTIFACTS: &str = "ADRASTEA_TEST_ARTIFACTS";

/// The path in the variable `name`, if it is set and not empty.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The first executable called one of `names` on `PATH`; earlier names win.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let search_path = get("PATH")?;
    let directories: Vec<PathBuf> = std::env::split_paths(&search_path).collect();
    names.iter().find_map(|name| {
        directories
            .iter()
            .map(|directory| directory.join(name))
            .find(|candidate| candidate.is_file())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a build tool is told by its environment where things are"
)]
fn get(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
