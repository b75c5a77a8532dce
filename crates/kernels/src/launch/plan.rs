//! From a kernelspec to a command line and an environment: the templates filled in.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Launch;
use crate::{ConnectionFile, InterruptMode, KernelId, KernelsConfig, Kernelspec};

/// The variable that tells a kernel which document it is for.
const SESSION_NAME: &str = "JPY_SESSION_NAME";

/// Everything about a kernel's process that stays the same when it is started again. Its environment may hold
/// secrets: never logged.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LaunchPlan {
    pub(crate) kernel_id: KernelId,
    pub(crate) name: Arc<str>,
    pub(crate) interrupt_mode: InterruptMode,
    pub(crate) connection_file: PathBuf,
    argv: Vec<String>,
    resource_dir: Option<PathBuf>,
    prefix: PathBuf,
    environment: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    stderr_tail_bytes_max: usize,
    /// See [`Launch::host_mark`].
    pub(crate) host_mark: String,
    /// Where it listens, if somebody else has started it: then nothing is launched, and its connection file is theirs.
    #[serde(default)]
    pub(crate) external: Option<ConnectionFile>,
}

impl LaunchPlan {
    pub(crate) fn new(
        config: &KernelsConfig,
        spec: &Kernelspec,
        kernel_id: KernelId,
        directory: PathBuf,
        added: Vec<(String, String)>,
    ) -> Self {
        let mut environment = config.environment.clone();
        for (name, value) in added {
            set(&mut environment, name.into(), value.into());
        }
        for (name, value) in substituted(spec, &environment) {
            set(&mut environment, name, value);
        }
        if spec.spec.language.to_lowercase().starts_with("python") {
            // As the reference: it makes a Python believe that it is another.
            environment.retain(|(name, _)| name != "PYTHONEXECUTABLE");
        }
        Self {
            connection_file: ConnectionFile::path(&config.runtime_dir, &kernel_id),
            kernel_id,
            name: spec.name.as_str().into(),
            interrupt_mode: spec.spec.interrupt_mode,
            argv: with_python(&spec.spec.argv, spec, config),
            resource_dir: spec.resource_dir.clone(),
            prefix: prefix(spec, config),
            environment,
            directory,
            stderr_tail_bytes_max: config.limits.stderr_tail_bytes_max,
            host_mark: uuid::Uuid::new_v4().to_string(),
            external: None,
        }
    }

    /// Of a kernel that somebody else started.
    pub(crate) fn external(
        config: &KernelsConfig,
        kernel_id: KernelId,
        connection: ConnectionFile,
        connection_file: PathBuf,
    ) -> Self {
        let name = connection.kernel_name.as_str().into();
        Self {
            connection_file,
            // It is no child that could be signalled.
            interrupt_mode: InterruptMode::Message,
            external: Some(connection),
            ..Self::unknown(config, kernel_id, name)
        }
    }

    /// A plan that launches nothing, for a kernel that runs and of which nobody knows how it was launched.
    pub(crate) fn unknown(config: &KernelsConfig, kernel_id: KernelId, name: Arc<str>) -> Self {
        Self {
            connection_file: ConnectionFile::path(&config.runtime_dir, &kernel_id),
            kernel_id,
            name,
            interrupt_mode: InterruptMode::default(),
            argv: Vec::new(),
            resource_dir: None,
            prefix: config.prefix.clone(),
            environment: Vec::new(),
            directory: config.root_dir.clone(),
            stderr_tail_bytes_max: config.limits.stderr_tail_bytes_max,
            host_mark: uuid::Uuid::new_v4().to_string(),
            external: None,
        }
    }

    /// The same for a host with this mark.
    pub(crate) fn marked(self, host_mark: String) -> Self {
        Self { host_mark, ..self }
    }

    /// Gives variables other values in the launches that follow, those that it has. As in the reference, a kernel that was
    /// started for no document never learns of one.
    pub(crate) fn change_variables(&mut self, variables: Vec<(String, String)>) {
        for (name, value) in variables {
            if lookup(&self.environment, &name).is_some() {
                set(&mut self.environment, name.into(), value.into());
            }
        }
    }

    /// The document the kernel is for.
    pub(crate) fn session_name(&self) -> Option<&str> {
        lookup(&self.environment, SESSION_NAME).and_then(OsStr::to_str)
    }

    /// One launch, with the addresses in `connection`.
    pub(crate) fn launch(&self, connection: ConnectionFile) -> Launch {
        let home = lookup(&self.environment, "HOME");
        let argv = self
            .argv
            .iter()
            .map(|argument| expand_home(self.filled_in(argument), home));
        Launch {
            kernel_id: self.kernel_id.clone(),
            argv: argv.collect(),
            environment: self.environment.clone(),
            directory: self.directory.clone(),
            connection_file: self.connection_file.clone(),
            connection,
            stderr_tail_bytes_max: self.stderr_tail_bytes_max,
            host_mark: self.host_mark.clone(),
            group: None,
        }
    }

    /// `{connection_file}`, `{resource_dir}` and `{prefix}` filled in; other braces stay as they are.
    fn filled_in(&self, argument: &str) -> OsString {
        let mut filled = OsString::new();
        let mut rest = argument;
        while let Some((before, name, after)) = next_template(rest) {
            filled.push(before);
            match (name, &self.resource_dir) {
                ("{connection_file}", _) => filled.push(&self.connection_file),
                ("{prefix}", _) => filled.push(&self.prefix),
                ("{resource_dir}", Some(dir)) => filled.push(dir),
                (other, _) => filled.push(other),
            }
            rest = after;
        }
        filled.push(rest);
        filled
    }
}

/// Splits at the first `{word}`: what is before, the template with its braces, what is after.
fn next_template(text: &str) -> Option<(&str, &str, &str)> {
    let is_word = |inner: &str| {
        !inner.is_empty()
            && inner
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.match_indices('{').find_map(|(start, _)| {
        let (before, from) = text.split_at_checked(start)?;
        let end = from.find('}')?;
        let (template, after) = from.split_at_checked(end.checked_add(1)?)?;
        let inner = template.strip_prefix('{')?.strip_suffix('}')?;
        is_word(inner).then_some((before, template, after))
    })
}

/// `~/x` in a command line means the home directory, as in the reference.
fn expand_home(argument: OsString, home: Option<&OsStr>) -> OsString {
    let Some(home) = home else { return argument };
    if argument == "~" {
        return home.to_owned();
    }
    match argument.as_bytes().strip_prefix(b"~/") {
        Some(rest) => Path::new(home).join(OsStr::from_bytes(rest)).into_os_string(),
        None => argument,
    }
}

/// A kernelspec that says just `python` means the Python it was installed with. The reference takes the Python it
/// runs in itself; here that is the one in the kernelspec's own prefix, else the native one.
fn with_python(argv: &[String], spec: &Kernelspec, config: &KernelsConfig) -> Vec<String> {
    let mut argv = argv.to_vec();
    if let Some(program) = argv.first_mut()
        && is_python(program)
    {
        let beside = spec.prefix().and_then(|prefix| python_in(prefix, program));
        let native = || config.native_kernel.as_ref().map(|native| native.python.clone());
        if let Some(python) = beside.or_else(native) {
            *program = python.to_string_lossy().into_owned();
        }
    }
    argv
}

/// `python`, `python3`, `python3.12`.
fn is_python(program: &str) -> bool {
    let version = program.strip_prefix("python");
    version.is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn python_in(prefix: &Path, program: &str) -> Option<PathBuf> {
    let bin = prefix.join("bin");
    [program, "python", "python3"]
        .iter()
        .map(|name| bin.join(name))
        .find(|python| python.is_file())
}

/// `{prefix}`: the environment the kernelspec is installed in, if that is one, else the configured one.
fn prefix(spec: &Kernelspec, config: &KernelsConfig) -> PathBuf {
    let own = spec.prefix().filter(|prefix| prefix.join("bin").is_dir());
    own.unwrap_or(&config.prefix).to_owned()
}

/// The kernelspec's `env`, with `$NAME` and `${NAME}` replaced by variables of `environment` (unknown ones stay;
/// `$$` is a dollar), as the reference does with `string.Template`.
fn substituted(spec: &Kernelspec, environment: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let entries = spec.spec.env.iter();
    let substitute = |(name, value): (&String, &Value)| (name.into(), substitute(&text(value), environment));
    entries.map(substitute).collect()
}

fn substitute(text: &str, environment: &[(OsString, OsString)]) -> OsString {
    let mut substituted = OsString::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('$') {
        substituted.push(before);
        if let Some(after) = from.strip_prefix('$') {
            substituted.push("$");
            rest = after;
            continue;
        }
        let (name, after) = braced(from).unwrap_or_else(|| from.split_at(identifier_bytes(from)));
        match lookup(environment, name).filter(|_| !name.is_empty()) {
            Some(value) => {
                substituted.push(value);
                rest = after;
            }
            None => {
                substituted.push("$");
                rest = from;
            }
        }
    }
    substituted.push(rest);
    substituted
}

/// The name in `{NAME}…` and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    (identifier_bytes(name) == name.len()).then_some((name, after))
}

/// How many bytes at the start are an identifier.
fn identifier_bytes(text: &str) -> usize {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let continues = |character: char| character.is_ascii_alphanumeric() || character == '_';
    if starts_well {
        text.find(|character| !continues(character)).unwrap_or(text.len())
    } else {
        0
    }
}

/// A variable of an environment.
pub(crate) fn lookup<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    environment
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_os_str())
}

fn set(environment: &mut Vec<(OsString, OsString)>, name: OsString, value: OsString) {
    environment.retain(|(found, _)| *found != name);
    environment.push((name, value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Vec<(OsString, OsString)> {
        [("HOME", "/home/u"), ("PATH", "/bin"), ("PYTHONEXECUTABLE", "/x")]
            .map(|(name, value)| (name.into(), value.into()))
            .to_vec()
    }

    fn plan(kernel_json: &str, resource_dir: &Path) -> LaunchPlan {
        let mut config = KernelsConfig::new("/root-dir".into(), "/run/jupyter".into());
        config.environment = environment();
        config.prefix = "/usr".into();
        let spec = Kernelspec {
            name: "x".parse().unwrap(),
            resource_dir: Some(resource_dir.to_owned()),
            spec: serde_json::from_str(kernel_json).unwrap(),
        };
        let added = vec![(SESSION_NAME.to_owned(), "a b.ipynb".to_owned())];
        LaunchPlan::new(
            &config,
            &spec,
            "a-b-c-d-e".parse().unwrap(),
            "/root-dir".into(),
            added,
        )
    }

    #[test]
    fn templates_in_arguments_are_filled_in() {
        let plan = plan("{}", Path::new("/r"));
        let check =
            |argument: &str, expected: &str| assert_eq!(plan.filled_in(argument), expected, "{argument}");
        check("{connection_file}", "/run/jupyter/kernel-a-b-c-d-e.json");
        check(
            "--file={connection_file}!",
            "--file=/run/jupyter/kernel-a-b-c-d-e.json!",
        );
        check("{resource_dir}/{prefix}", "/r//usr");
        check("{unknown} {{prefix}} { } {", "{unknown} {/usr} { } {");
        check("", "");
    }

    #[test]
    fn home_is_expanded_at_the_start_only() {
        let check = |argument: &str, expected: &str| {
            assert_eq!(expand_home(argument.into(), Some(OsStr::new("/h"))), expected);
        };
        check("~/bin/k", "/h/bin/k");
        check("~", "/h");
        check("a~/b", "a~/b");
        check("~other/b", "~other/b");
    }

    #[test]
    fn variables_are_substituted_as_python_templates_are() {
        let check =
            |text: &str, expected: &str| assert_eq!(substitute(text, &environment()), expected, "{text}");
        check("${PATH}:/x", "/bin:/x");
        check("$PATH:/x", "/bin:/x");
        check("$$PATH", "$PATH");
        check("$UNKNOWN ${UNKNOWN} $ ${ $1", "$UNKNOWN ${UNKNOWN} $ ${ $1");
    }

    #[test]
    fn the_environment_is_given_then_added_then_the_kernelspecs() {
        let plan = plan(
            r#"{"language":"Python","env":{"PATH":"/k:$PATH","N":1}}"#,
            Path::new("/r"),
        );
        assert_eq!(lookup(&plan.environment, "PATH"), Some(OsStr::new("/k:/bin")));
        assert_eq!(lookup(&plan.environment, "N"), Some(OsStr::new("1")));
        assert_eq!(lookup(&plan.environment, "PYTHONEXECUTABLE"), None);
        assert_eq!(plan.session_name(), Some("a b.ipynb"));
    }

    #[test]
    fn python_is_the_one_the_kernelspec_was_installed_with() {
        let prefix = tempfile::tempdir().unwrap();
        let resource_dir = prefix.path().join("share/jupyter/kernels/python3");
        std::fs::create_dir_all(prefix.path().join("bin")).unwrap();
        let python = prefix.path().join("bin/python");
        std::fs::write(&python, "").unwrap();
        let program =
            |argv0: &str| plan(&format!(r#"{{"argv":["{argv0}"]}}"#), &resource_dir).argv[0].clone();
        assert_eq!(program("python"), python.to_string_lossy());
        assert_eq!(program("python3.99"), python.to_string_lossy());
        assert_eq!(program("pythonic"), "pythonic");
        assert_eq!(plan(r#"{"argv":["python"]}"#, Path::new("/r")).argv, ["python"]);
        assert_eq!(plan("{}", &resource_dir).prefix, prefix.path());
        assert_eq!(plan("{}", Path::new("/r")).prefix, Path::new("/usr"));
    }
}
