//! What a Python prefix looks like on disk: its interpreter, its version, its site-packages.

use std::path::{Path, PathBuf};

use super::{Origin, PythonEnvironment};

/// Reads the environment at `prefix`, if there is one.
pub(super) fn read(prefix: &Path, origin: Origin) -> Option<PythonEnvironment> {
    let interpreter = ["bin/python3", "bin/python"]
        .iter()
        .map(|name| prefix.join(name))
        .find(|it| it.exists())?;
    let virtual_settings = std::fs::read_to_string(prefix.join("pyvenv.cfg")).ok();
    let sees_system_packages = virtual_settings
        .as_deref()
        .is_some_and(|text| value(text, "include-system-site-packages") == Some("true"));
    let mut site_packages = site_packages(prefix, &interpreter);
    if sees_system_packages
        && let Some(home) = virtual_settings.as_deref().and_then(|text| value(text, "home"))
    {
        let base_interpreter = Path::new(home).join("python3");
        if let Some(base) = Path::new(home).parent() {
            site_packages.extend(self::site_packages(base, &base_interpreter));
        }
    }
    (!site_packages.is_empty()).then(|| PythonEnvironment {
        prefix: prefix.to_owned(),
        interpreter,
        site_packages,
        origin,
        is_virtual: virtual_settings.is_some(),
        sees_system_packages,
    })
}

/// The prefix an interpreter belongs to: the virtual environment it stands in, else the installation it is a link into.
pub(super) fn prefix_of(interpreter: &Path) -> Option<PathBuf> {
    let beside = interpreter.parent()?.parent()?;
    if beside.join("pyvenv.cfg").is_file() {
        return Some(beside.to_owned());
    }
    let real = interpreter.canonicalize().ok()?;
    let prefix = real.parent()?.parent()?;
    (!library_versions(prefix).is_empty()).then(|| prefix.to_owned())
}

/// The user site that belongs to `interpreter`, as an environment of its own.
pub(super) fn user_site(user_base: &Path, interpreter: &Path) -> Option<PythonEnvironment> {
    let version = version_of(interpreter)?;
    let directory = user_base.join("lib").join(version).join("site-packages");
    directory.is_dir().then(|| PythonEnvironment {
        prefix: user_base.to_owned(),
        interpreter: interpreter.to_owned(),
        site_packages: vec![directory],
        origin: Origin::UserSite,
        is_virtual: false,
        sees_system_packages: false,
    })
}

/// The package directories of `prefix`; Debian has its own names for some of them.
fn site_packages(prefix: &Path, interpreter: &Path) -> Vec<PathBuf> {
    let versions = match version_of(interpreter) {
        Some(version) if prefix.join("lib").join(&version).is_dir() => vec![version],
        _ => library_versions(prefix),
    };
    let mut candidates = Vec::new();
    for version in &versions {
        if prefix == Path::new("/usr") {
            candidates.push(Path::new("/usr/local/lib").join(version).join("dist-packages"));
        }
        for library in ["lib", "lib64"] {
            for packages in ["site-packages", "dist-packages"] {
                candidates.push(prefix.join(library).join(version).join(packages));
            }
        }
    }
    candidates.push(prefix.join("lib/python3/dist-packages"));
    let mut found: Vec<PathBuf> = Vec::new();
    let mut real: Vec<PathBuf> = Vec::new();
    for candidate in candidates {
        // lib64 is often a link to lib.
        if let Ok(path) = candidate.canonicalize()
            && path.is_dir()
            && !real.contains(&path)
        {
            found.push(candidate);
            real.push(path);
        }
    }
    found
}

/// `python3.11` for an interpreter that is, or is a link to, `python3.11`.
fn version_of(interpreter: &Path) -> Option<String> {
    let real = interpreter.canonicalize().ok()?;
    let name = real.file_name()?.to_str()?;
    is_version(name).then(|| name.to_owned())
}

/// The `python3.*` directories below `prefix/lib`, newest first.
fn library_versions(prefix: &Path) -> Vec<String> {
    let Ok(entries) = prefix.join("lib").read_dir() else {
        return Vec::new();
    };
    let mut versions: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_version(name))
        .collect();
    versions.sort_by_key(|name| std::cmp::Reverse(minor(name)));
    versions
}

fn is_version(name: &str) -> bool {
    minor(name).is_some()
}

fn minor(name: &str) -> Option<u32> {
    name.strip_prefix("python3.")?.parse().ok()
}

/// The value of a `key = value` line of `pyvenv.cfg`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        name.trim().eq_ignore_ascii_case(key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn make(prefix: &Path, version: &str) {
        fs::create_dir_all(prefix.join("bin")).expect("bin");
        fs::create_dir_all(prefix.join("lib").join(version).join("site-packages")).expect("lib");
        fs::write(prefix.join("bin/python3"), "").expect("python");
    }

    #[test]
    fn the_newest_version_comes_first_and_numbers_are_compared_as_numbers() {
        let root = tempfile::tempdir().expect("directory");
        for version in ["python3.9", "python3.12", "python3.11", "python2.7", "pythonic"] {
            fs::create_dir_all(root.path().join("lib").join(version)).expect("lib");
        }
        assert_eq!(
            library_versions(root.path()),
            ["python3.12", "python3.11", "python3.9"]
        );
    }

    #[test]
    fn a_virtual_environment_is_known_by_its_settings() {
        let root = tempfile::tempdir().expect("directory");
        make(root.path(), "python3.11");
        fs::write(
            root.path().join("pyvenv.cfg"),
            "home = /nowhere/bin\ninclude-system-site-packages = false\n",
        )
        .expect("settings");
        let environment = read(root.path(), Origin::VirtualEnv).expect("an environment");
        assert!(environment.is_virtual);
        assert_eq!(
            environment.site_packages,
            [root.path().join("lib/python3.11/site-packages")]
        );
        assert_eq!(
            prefix_of(&root.path().join("bin/python3")).as_deref(),
            Some(root.path())
        );
    }

    #[test]
    fn a_directory_without_an_interpreter_is_none() {
        let root = tempfile::tempdir().expect("directory");
        assert_eq!(read(root.path(), Origin::System), None);
    }
}
