//! Which environments are at hand, in which order.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Origin, PythonEnvironment, layout, pyenv};
use crate::paths::user_base;
use crate::variables::Variables;

/// How long an interpreter whose layout we do not know (a wrapper script, say) may take to tell its prefix.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// Finds the environments at hand, most important first, each once. `managed` is where `--setup` would make one.
pub fn environments_at_hand(variables: &Variables, managed: &Path) -> Vec<PythonEnvironment> {
    let mut found: Vec<PythonEnvironment> = Vec::new();
    let mut add = |environment: Option<PythonEnvironment>| {
        if let Some(environment) = environment
            && !found
                .iter()
                .any(|other| is_same(&other.prefix, &environment.prefix))
        {
            found.push(environment);
        }
    };
    if let Some(prefix) = beside_program(variables) {
        add(layout::read(&prefix, Origin::BesideProgram));
    }
    if let Some(prefix) = variables.path("VIRTUAL_ENV") {
        add(layout::read(&prefix, Origin::VirtualEnv));
    }
    if let Some(prefix) = variables.path("CONDA_PREFIX") {
        add(layout::read(&prefix, Origin::Conda));
    }
    let on_path = interpreter_on_path(variables);
    if let Some(interpreter) = &on_path
        && let Some(prefix) = layout::prefix_of(interpreter)
            .or_else(|| pyenv::prefix_behind(interpreter, variables))
            .or_else(|| ask(interpreter))
    {
        add(layout::read(&prefix, Origin::OnPath));
    }
    if variables.os("PYTHONNOUSERSITE").is_none() {
        for interpreter in on_path.iter().cloned().chain([PathBuf::from("/usr/bin/python3")]) {
            add(layout::user_site(&user_base(variables), &interpreter));
        }
    }
    for prefix in ["/usr/local", "/usr"] {
        add(layout::read(Path::new(prefix), Origin::System));
    }
    if super::setup::is_complete(managed) {
        add(layout::read(managed, Origin::Managed));
    }
    found
}

/// The first `python3` or `python` on `PATH`.
pub(crate) fn interpreter_on_path(variables: &Variables) -> Option<PathBuf> {
    let directories = variables.path_list("PATH");
    ["python3", "python"].iter().find_map(|name| {
        directories
            .iter()
            .map(|directory| directory.join(name))
            .find(|program| is_program(program))
    })
}

/// Whether `path` is a file that may be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The environment this very program lies in, if it was installed into one.
fn beside_program(variables: &Variables) -> Option<PathBuf> {
    let prefix = variables.program.as_deref()?.parent()?.parent()?;
    let is_environment = prefix.join("pyvenv.cfg").is_file() || prefix.join("conda-meta").is_dir();
    is_environment.then(|| prefix.to_owned())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Asks an interpreter for its prefix. The last resort: starting Python takes longer than starting this server.
fn ask(interpreter: &Path) -> Option<PathBuf> {
    let mut child = Command::new(interpreter)
        .args(["-I", "-S", "-c", "import sys; sys.stdout.write(sys.prefix)"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + ASK_TIMEOUT;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            // Killed and reaped; whether that worked changes nothing for us.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().ok()?;
    let prefix = PathBuf::from(String::from_utf8(output.stdout).ok()?);
    prefix.is_dir().then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// A virtual environment with an interpreter that fails when it is started.
    fn environment(root: &Path, name: &str) -> PathBuf {
        let prefix = root.join(name);
        fs::create_dir_all(prefix.join("bin")).expect("bin");
        fs::create_dir_all(prefix.join("lib/python3.11/site-packages")).expect("lib");
        fs::write(prefix.join("pyvenv.cfg"), "version = 3.11.7\n").expect("settings");
        let python = prefix.join("bin/python3");
        fs::write(&python, "#!/bin/sh\nexit 1\n").expect("python");
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("mode");
        prefix
    }

    #[test]
    fn the_active_environment_comes_before_the_one_on_path() {
        let root = tempfile::tempdir().expect("directory");
        let active = environment(root.path(), "active");
        let on_path = environment(root.path(), "on-path");
        let variables = Variables::from_pairs(
            root.path(),
            [
                ("VIRTUAL_ENV", active.clone().into_os_string()),
                ("PATH", on_path.join("bin").into_os_string()),
            ],
        );
        let found = environments_at_hand(&variables, &root.path().join("managed"));
        let chosen: Vec<_> = found
            .iter()
            .filter(|it| it.origin.is_active())
            .map(|it| it.prefix.clone())
            .collect();
        assert_eq!(chosen, [active, on_path]);
    }

    #[test]
    fn one_environment_found_in_two_ways_is_listed_once() {
        let root = tempfile::tempdir().expect("directory");
        let active = environment(root.path(), "active");
        let variables = Variables::from_pairs(
            root.path(),
            [
                ("VIRTUAL_ENV", active.clone().into_os_string()),
                ("PATH", active.join("bin").into_os_string()),
            ],
        );
        let found = environments_at_hand(&variables, &root.path().join("managed"));
        assert_eq!(found.iter().filter(|it| it.prefix == active).count(), 1);
        assert_eq!(found.first().map(|it| it.origin), Some(Origin::VirtualEnv));
    }

    #[test]
    fn an_unfinished_managed_environment_is_not_used() {
        let root = tempfile::tempdir().expect("directory");
        let managed = environment(root.path(), "managed");
        let variables = Variables::from_pairs(root.path(), [("PATH", "/nowhere")]);
        let found = environments_at_hand(&variables, &managed);
        assert!(found.iter().all(|it| it.origin != Origin::Managed));
    }
}
