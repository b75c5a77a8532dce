//! Kernelspecs: which kernels are installed, and how each is started
//! (<https://jupyter-client.readthedocs.io/en/stable/kernels.html#kernel-specs>).

mod find;
mod model;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::KernelspecName;

pub use find::Kernelspecs;
pub use model::KernelspecModel;

/// An installed kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernelspec {
    /// Its name: that of its directory, in lower case.
    pub name: KernelspecName,
    /// The directory with its `kernel.json` and logos; a native kernel may have none.
    pub resource_dir: Option<PathBuf>,
    /// What `kernel.json` says.
    pub spec: KernelJson,
}

/// The contents of a `kernel.json`. What is missing is empty; fields this server does not know are left out, as
/// the reference leaves them out. Written in the reference's order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KernelJson {
    /// The program and its arguments, with `{connection_file}`, `{resource_dir}` and `{prefix}`.
    #[serde(default)]
    pub argv: Vec<String>,
    /// Added to the environment; `${NAME}` stands for a variable of it.
    #[serde(default)]
    pub env: Map<String, Value>,
    /// What people call it.
    #[serde(default)]
    pub display_name: String,
    /// The language it speaks.
    #[serde(default)]
    pub language: String,
    /// How it is interrupted.
    #[serde(default)]
    pub interrupt_mode: InterruptMode,
    /// Anything.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The version of the messaging protocol it speaks, or `""`.
    #[serde(default)]
    pub kernel_protocol_version: String,
}

/// How a kernel is interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InterruptMode {
    /// SIGINT to its process group.
    #[default]
    Signal,
    /// An `interrupt_request` on control.
    Message,
}

impl<'de> Deserialize<'de> for InterruptMode {
    /// Without regard to case, as the reference.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        match word.to_lowercase().as_str() {
            "signal" => Ok(Self::Signal),
            "message" => Ok(Self::Message),
            _ => Err(serde::de::Error::unknown_variant(&word, &["signal", "message"])),
        }
    }
}

impl Kernelspec {
    /// The environment it is installed in, when it lies in `<prefix>/share/jupyter/kernels/<name>`.
    #[must_use]
    pub fn prefix(&self) -> Option<&Path> {
        let kernels = self.resource_dir.as_deref()?.parent()?;
        let jupyter = kernels.parent()?;
        let share = jupyter.parent()?;
        let is_jupyter =
            kernels.ends_with("kernels") && jupyter.ends_with("jupyter") && share.ends_with("share");
        is_jupyter.then(|| share.parent()).flatten()
    }

    /// The provisioner it asks for, when that is not the local one, which is all there is here.
    #[must_use]
    pub fn foreign_provisioner(&self) -> Option<&str> {
        let provisioner = self.spec.metadata.get("kernel_provisioner")?;
        let name = provisioner.get("provisioner_name")?.as_str()?;
        (name != "local-provisioner").then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(dir: &str) -> Kernelspec {
        Kernelspec {
            name: "x".parse().unwrap(),
            resource_dir: Some(dir.into()),
            spec: serde_json::from_str("{}").unwrap(),
        }
    }

    #[test]
    fn the_prefix_is_where_share_is() {
        let prefix = |dir| spec(dir).prefix().map(Path::to_path_buf);
        assert_eq!(
            prefix("/opt/env/share/jupyter/kernels/x"),
            Some("/opt/env".into())
        );
        assert_eq!(prefix("/home/u/.local/share/kernels/x"), None);
        assert_eq!(prefix("/x"), None);
    }

    #[test]
    fn interrupt_mode_ignores_case_and_knows_two_words() {
        let mode = |word: &str| serde_json::from_value::<InterruptMode>(word.into()).ok();
        assert_eq!(mode("Message"), Some(InterruptMode::Message));
        assert_eq!(mode("signal"), Some(InterruptMode::Signal));
        assert_eq!(mode("shout"), None);
    }
}
