//! Opening a browser, as Python's `webbrowser` does it: `ServerApp.browser`, `BROWSER`, then what the desktop has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tracing::{info, warn};

use crate::python::is_program;
use crate::variables::Variables;

/// What is looked for when nothing is configured.
const PROGRAMS: &[&str] = match cfg!(target_os = "macos") {
    true => &["open"],
    false => &[
        "xdg-open",
        "gio-open",
        "x-www-browser",
        "firefox",
        "chromium",
        "google-chrome",
    ],
};

/// Opens `url` and does not wait for the browser. That there is none is no error: the URL is printed anyway.
pub(crate) fn open(url: &str, configured: Option<&str>, variables: &Variables) {
    let Some(words) = command(url, configured, variables) else {
        info!("no browser found; open the URL yourself");
        return;
    };
    let Some((program, arguments)) = words.split_first() else {
        return;
    };
    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match spawned {
        // Waited for by a thread of its own, or it would stay as a zombie.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => warn!("could not start the browser `{program}`: {error}"),
    }
}

/// The words to run.
fn command(url: &str, configured: Option<&str>, variables: &Variables) -> Option<Vec<String>> {
    if let Some(configured) = configured {
        return Some(with_url(configured, url));
    }
    if let Some(browsers) = variables.text("BROWSER") {
        return browsers
            .split(':')
            .find(|it| !it.trim().is_empty())
            .map(|browser| with_url(browser, url));
    }
    let has_display = variables.os("DISPLAY").is_some() || variables.os("WAYLAND_DISPLAY").is_some();
    if !has_display && !cfg!(target_os = "macos") {
        return None;
    }
    let program = PROGRAMS.iter().find_map(|name| on_path(name, variables))?;
    Some(vec![program.to_string_lossy().into_owned(), url.to_owned()])
}

/// `firefox --new-tab %s`: the URL takes the place of `%s`, or is added.
fn with_url(command: &str, url: &str) -> Vec<String> {
    let mut words: Vec<String> = command
        .split_whitespace()
        .filter(|word| *word != "&")
        .map(|word| word.replace("%s", url))
        .collect();
    if !command.contains("%s") {
        words.push(url.to_owned());
    }
    words
}

fn on_path(name: &str, variables: &Variables) -> Option<PathBuf> {
    let directories = variables.path_list("PATH");
    directories
        .iter()
        .map(|directory: &PathBuf| Path::join(directory, name))
        .find(|program| is_program(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_goes_where_the_command_wants_it() {
        let check = |configured: Option<&str>, pairs: &[(&str, &str)], expected: Option<&[&str]>| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()));
            let variables = Variables::from_pairs("/w", pairs);
            let expected = expected.map(|words| words.iter().map(|word| word.to_string()).collect());
            assert_eq!(command("U", configured, &variables), expected);
        };
        check(Some("chromium --app=%s"), &[], Some(&["chromium", "--app=U"]));
        check(
            Some("chromium"),
            &[("BROWSER", "other")],
            Some(&["chromium", "U"]),
        );
        check(None, &[("BROWSER", "lynx %s &:w3m")], Some(&["lynx", "U"]));
        check(None, &[("PATH", "/usr/bin:/bin")], None);
    }
}
