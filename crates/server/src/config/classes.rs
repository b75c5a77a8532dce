//! Jupyter's classes with what they inherit, the most derived first: a setting of any of them counts.

/// The server. The reference passes the server's settings on from the sections of the front ends, too.
pub(crate) const SERVER: &[&str] = &[
    "LabApp",
    "JupyterNotebookApp",
    "NotebookApp",
    "ServerApp",
    "JupyterApp",
    "Application",
];

/// JupyterLab's application.
pub(crate) const LAB: &[&str] = &["LabApp", "LabServerApp", "LabConfig", "ExtensionApp"];

/// Notebook 7's application.
pub(crate) const NOTEBOOK: &[&str] = &["JupyterNotebookApp", "LabServerApp", "LabConfig", "ExtensionApp"];

/// NBClassic's application.
pub(crate) const NBCLASSIC: &[&str] = &["NotebookApp", "ExtensionApp"];

/// The server alone, for settings that the front ends have under the same name with another meaning.
pub(crate) const SERVER_ONLY: &[&str] = &["ServerApp"];

/// What is only here.
pub(crate) const ADRASTEA: &[&str] = &["Adrastea"];

/// Who a request is from.
pub(crate) const IDENTITY_PROVIDER: &[&str] = &["PasswordIdentityProvider", "IdentityProvider"];

/// All kernels.
pub(crate) const KERNELS: &[&str] = &[
    "AsyncMappingKernelManager",
    "MappingKernelManager",
    "AsyncMultiKernelManager",
    "MultiKernelManager",
];

/// One kernel.
pub(crate) const KERNEL: &[&str] = &[
    "ServerKernelManager",
    "AsyncIOLoopKernelManager",
    "AsyncKernelManager",
    "KernelManager",
    "ConnectionFileMixin",
];

/// What starts a kernel again.
pub(crate) const RESTARTER: &[&str] = &[
    "AsyncIOLoopKernelRestarter",
    "IOLoopKernelRestarter",
    "KernelRestarter",
];

/// One client's WebSocket to a kernel.
pub(crate) const WEBSOCKET_CONNECTION: &[&str] =
    &["ZMQChannelsWebsocketConnection", "BaseKernelWebsocketConnection"];

/// What is shown of what the server and its kernels use.
pub(crate) const RESOURCE_USE_DISPLAY: &[&str] = &["ResourceUseDisplay"];

/// Kernelspecs.
pub(crate) const KERNELSPECS: &[&str] = &["KernelSpecManager"];

/// Files and notebooks.
pub(crate) const CONTENTS: &[&str] = &[
    "AsyncLargeFileManager",
    "LargeFileManager",
    "AsyncFileContentsManager",
    "FileContentsManager",
    "AsyncFileManagerMixin",
    "FileManagerMixin",
    "AsyncContentsManager",
    "ContentsManager",
];

/// Checkpoints.
pub(crate) const CHECKPOINTS: &[&str] = &[
    "AsyncFileCheckpoints",
    "FileCheckpoints",
    "AsyncFileManagerMixin",
    "FileManagerMixin",
    "AsyncCheckpoints",
    "Checkpoints",
];

/// Which notebooks are trusted.
pub(crate) const NOTARY: &[&str] = &["NotebookNotary"];
