//! Finds kernelspecs in directories, first wins.

use std::{
    io::{self, Read},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, json};
use tracing::warn;

use super::{InterruptMode, KernelJson, Kernelspec, KernelspecModel};
use crate::{BadKernelspecName, KernelError, KernelsConfig, KernelspecName, NativeKernel};

/// The name of the kernel that a Python without kernelspec is offered as.
const NATIVE_KERNEL_NAME: &str = "python3";

/// Finds kernelspecs. Nothing is kept: one installed while the server runs is seen at once.
#[derive(Clone)]
pub struct Kernelspecs(Arc<Places>);

struct Places {
    dirs: Vec<PathBuf>,
    allowed: Vec<String>,
    native: Option<NativeKernel>,
    default_name: String,
    kernelspec_bytes_max: u64,
}

impl Kernelspecs {
    pub(crate) fn new(config: &KernelsConfig) -> Self {
        Self(Arc::new(Places {
            dirs: config.kernelspec_dirs.clone(),
            allowed: config.allowed_kernelspecs.clone(),
            native: config.native_kernel.clone(),
            default_name: config.default_kernel_name.clone(),
            kernelspec_bytes_max: config.limits.kernelspec_bytes_max,
        }))
    }

    /// The kernelspec taken when none is named.
    #[must_use]
    pub fn default_name(&self) -> &str {
        &self.0.default_name
    }

    /// All that can be used, in the order they are found. One that is broken is left out with a log line.
    pub async fn all(&self) -> Vec<Kernelspec> {
        self.off_thread(Places::all).await.unwrap_or_default()
    }

    /// The one of this name, without regard to case.
    ///
    /// # Errors
    /// [`KernelError::NoSuchKernelspec`], or [`KernelError::BadKernelspec`] when it cannot be used.
    pub async fn get(&self, name: &str) -> Result<Kernelspec, KernelError> {
        let asked = name.to_owned();
        let found = self.off_thread(move |places| places.get(&asked)).await;
        found.unwrap_or_else(|| Err(not_found(name)))
    }

    /// All as `GET /api/kernelspecs` shows them, with URLs below `base_url`.
    pub async fn models(&self, base_url: &str) -> Vec<KernelspecModel> {
        let base_url = base_url.to_owned();
        let read = move |places: &Places| {
            let all = places.all();
            all.iter()
                .map(|spec| KernelspecModel::read(spec, &base_url))
                .collect()
        };
        self.off_thread(read).await.unwrap_or_default()
    }

    /// One as `GET /api/kernelspecs/{name}` shows it.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn model(&self, name: &str, base_url: &str) -> Result<KernelspecModel, KernelError> {
        let (asked, base_url) = (name.to_owned(), base_url.to_owned());
        let read = move |places: &Places| {
            let spec = places.get(&asked)?;
            Ok(KernelspecModel::read(&spec, &base_url))
        };
        self.off_thread(read)
            .await
            .unwrap_or_else(|| Err(not_found(name)))
    }

    /// The file `path` in a kernelspec's directory; `None` when there is no such file, or it is elsewhere.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn resource(&self, name: &str, path: &str) -> Result<Option<PathBuf>, KernelError> {
        let (asked, path) = (name.to_owned(), path.to_owned());
        let find = move |places: &Places| {
            let spec = places.get(&asked)?;
            Ok(spec.resource_dir.and_then(|dir| file_beneath(&dir, &path)))
        };
        self.off_thread(find)
            .await
            .unwrap_or_else(|| Err(not_found(name)))
    }

    /// Directories may be slow; no async thread waits for them. `None` if the work was cut off by shutdown.
    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Places) -> T + Send + 'static,
    ) -> Option<T> {
        let places = self.0.clone();
        tokio::task::spawn_blocking(move || work(&places)).await.ok()
    }
}

impl Places {
    fn all(&self) -> Vec<Kernelspec> {
        let mut found: Vec<(KernelspecName, PathBuf)> = Vec::new();
        for dir in &self.dirs {
            for (name, resource_dir) in kernelspec_dirs(dir) {
                if self.allows(&name) && !found.iter().any(|(earlier, _)| *earlier == name) {
                    found.push((name, resource_dir));
                }
            }
        }
        let mut specs: Vec<Kernelspec> = Vec::new();
        for (name, resource_dir) in found {
            match self.load(&name, &resource_dir) {
                Ok(spec) => specs.push(spec),
                Err(error) => warn!(kernelspec = %name, "left out: {error}"),
            }
        }
        if let Some(native) = self.native_spec()
            && !specs.iter().any(|spec| spec.name == native.name)
        {
            specs.push(native);
        }
        specs
    }

    fn get(&self, asked: &str) -> Result<Kernelspec, KernelError> {
        let not_found = || not_found(asked);
        let name: KernelspecName = asked.parse().map_err(|_| not_found())?;
        if !self.allows(&name) {
            return Err(not_found());
        }
        let in_dir = |dir: &PathBuf| kernelspec_dirs(dir).into_iter().find(|(found, _)| *found == name);
        if let Some((_, resource_dir)) = self.dirs.iter().find_map(in_dir) {
            return self.load(&name, &resource_dir);
        }
        self.native_spec()
            .filter(|native| native.name == name)
            .ok_or_else(not_found)
    }

    fn allows(&self, name: &KernelspecName) -> bool {
        let allowed = &self.allowed;
        allowed.is_empty()
            || allowed
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name.as_str()))
    }

    /// The Python without kernelspec, if there is one and it is allowed.
    fn native_spec(&self) -> Option<Kernelspec> {
        let name = NATIVE_KERNEL_NAME.parse().ok().filter(|name| self.allows(name))?;
        self.native.as_ref().map(|native| native_spec(name, native))
    }

    fn load(&self, name: &KernelspecName, resource_dir: &Path) -> Result<Kernelspec, KernelError> {
        let bad = |problem: String| KernelError::BadKernelspec {
            name: name.to_string(),
            problem,
        };
        let path = resource_dir.join("kernel.json");
        let bytes = read_at_most(&path, self.kernelspec_bytes_max)
            .map_err(|error| bad(format!("failed to read `{}`: {error}", path.display())))?;
        let not_valid = |problem: String| bad(format!("`{}` is not valid: {problem}", path.display()));
        // serde would take the elements of an array for the fields, in their order.
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(not_valid("it is no object".to_owned()));
        }
        let spec = serde_json::from_slice(&bytes).map_err(|error| not_valid(error.to_string()))?;
        let spec = Kernelspec {
            name: name.clone(),
            resource_dir: Some(resource_dir.to_owned()),
            spec,
        };
        match spec.foreign_provisioner() {
            Some(provisioner) => Err(KernelError::NoSuchProvisioner {
                name: name.to_string(),
                provisioner: provisioner.to_owned(),
            }),
            None => Ok(spec),
        }
    }
}

fn not_found(name: &str) -> KernelError {
    KernelError::NoSuchKernelspec {
        name: name.to_owned(),
    }
}

/// Names and directories of the kernelspecs in `dir`, sorted.
fn kernelspec_dirs(dir: &Path) -> Vec<(KernelspecName, PathBuf)> {
    // A search path may name directories that do not exist.
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let kernelspecs = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("kernel.json").is_file());
    let mut found: Vec<_> = kernelspecs.filter_map(named).collect();
    found.sort_by(|(_, one), (_, other)| one.cmp(other));
    found
}

/// A directory with its name.
fn named(path: PathBuf) -> Option<(KernelspecName, PathBuf)> {
    let name = path.file_name()?.to_str().and_then(|name| name.parse().ok());
    match name {
        Some(name) => Some((name, path)),
        None => {
            warn!(path = %path.display(), "left out a kernelspec: {BadKernelspecName}");
            None
        }
    }
}

/// `python -m ipykernel_launcher`, as ipykernel describes itself.
fn native_spec(name: KernelspecName, native: &NativeKernel) -> Kernelspec {
    let python = native.python.to_string_lossy().into_owned();
    let arguments = [
        "-Xfrozen_modules=off",
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ];
    let mut metadata = Map::new();
    metadata.insert("debugger".to_owned(), json!(true));
    let spec = KernelJson {
        argv: std::iter::once(python)
            .chain(arguments.map(str::to_owned))
            .collect(),
        env: Map::new(),
        display_name: "Python 3 (ipykernel)".to_owned(),
        language: "python".to_owned(),
        interrupt_mode: InterruptMode::Signal,
        metadata,
        kernel_protocol_version: String::new(),
    };
    Kernelspec {
        name,
        resource_dir: native.resource_dir.clone(),
        spec,
    }
}

/// The file at `path` below `dir`, links resolved; `None` when it is not a file or not below.
fn file_beneath(dir: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    if path.contains('\0') || !relative.components().all(plain) {
        return None;
    }
    let dir = dir.canonicalize().ok()?;
    let file = dir.join(relative).canonicalize().ok()?;
    (file.starts_with(&dir) && file.is_file()).then_some(file)
}

fn read_at_most(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {bytes_max} bytes"),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
