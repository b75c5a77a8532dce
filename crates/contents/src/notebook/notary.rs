//! Trust: a notebook whose signature is known may show its HTML and run its JavaScript at once.
//!
//! The signature is the one of nbformat's `NotebookNotary`: an HMAC over the joined tree, keys sorted, with the
//! secret of the user's data directory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::node::{Node, Object};
use super::signatures::{SignatureError, SignatureStore};
use super::{Notebook, OldNotebook, is_code, strip_trusted};
use crate::python_text::push_float;
use crate::version::FileVersion;

/// Random bytes in a new secret, as Jupyter makes it.
const SECRET_BYTES: usize = 1024;
/// Characters a line of the secret file.
const SECRET_LINE: usize = 76;

/// How notebooks are signed; a signature counts only for the algorithm it was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// SHA-224
    Sha224,
    /// SHA-256, Jupyter's default
    #[default]
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl SignatureAlgorithm {
    /// All, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Jupyter's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// What notebooks are signed with.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum SigningSecret {
    /// Made when first needed; lives as long as the process.
    #[default]
    InMemory,
    /// In a file shared with Jupyter, made if it is not there.
    File(PathBuf),
    /// Given in the configuration.
    Given(Vec<u8>),
}

/// Never shows the secret.
impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InMemory => formatter.write_str("InMemory"),
            Self::File(file) => formatter.debug_tuple("File").field(file).finish(),
            Self::Given(_) => formatter.write_str("Given(…)"),
        }
    }
}

/// Signs notebooks and checks signatures.
pub(crate) struct Notary {
    algorithm: SignatureAlgorithm,
    secret: SigningSecret,
    /// The secret in memory, once it was needed.
    made: OnceLock<Arc<[u8]>>,
    store: Arc<dyn SignatureStore>,
    of_files: Mutex<OfFiles>,
}

/// Signatures of files as they lie on the disk: most of what it takes to open a large notebook again.
#[derive(Default)]
struct OfFiles {
    /// What they were made with.
    secret: Vec<u8>,
    signatures: HashMap<FileVersion, String>,
}

impl OfFiles {
    /// Those made with this secret.
    fn of(&mut self, secret: &[u8]) -> &mut HashMap<FileVersion, String> {
        if self.secret != secret {
            self.secret = secret.to_owned();
            self.signatures.clear();
        }
        &mut self.signatures
    }
}

/// Files whose signatures are kept; beyond it all are forgotten and made again.
const FILES_MAX: usize = 1024;
/// A file that changed a shorter while ago may change once more without getting another version.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

impl Notary {
    pub(crate) fn new(
        algorithm: SignatureAlgorithm,
        secret: SigningSecret,
        store: Arc<dyn SignatureStore>,
    ) -> Self {
        Self {
            algorithm,
            secret,
            made: OnceLock::new(),
            store,
            of_files: Mutex::default(),
        }
    }

    /// [`Self::mark`] of all of a file of this version.
    pub(crate) fn mark_read(&self, notebook: &mut Notebook<'_>, version: FileVersion) {
        if notebook.signed_as_3.is_some() || !version.is_settled(SystemTime::now(), SETTLED_AFTER) {
            return self.mark(notebook);
        }
        let signature = self.signature_of_file(&notebook.root, version);
        set_trusted(notebook, self.is_remembered(signature));
    }

    fn signature_of_file(&self, root: &Object<'_>, version: FileVersion) -> io::Result<String> {
        let secret = self.secret()?;
        let files = || self.of_files.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = files().of(&secret).get(&version).cloned();
        if let Some(signature) = kept {
            return Ok(signature);
        }
        let signature = self.signature_with(&secret, root)?;
        let mut files = files();
        let signatures = files.of(&secret);
        if signatures.len() >= FILES_MAX {
            signatures.clear();
        }
        signatures.insert(version, signature.clone());
        Ok(signature)
    }

    /// Marks every code cell with whether the notebook is trusted. A store that fails means "not trusted".
    pub(crate) fn mark(&self, notebook: &mut Notebook<'_>) {
        set_trusted(notebook, self.is_signed(notebook));
    }

    /// Takes the marks from the code cells; whether each was marked or has nothing unsafe to show.
    pub(crate) fn check_cells(notebook: &mut Notebook<'_>) -> bool {
        let mut trusted = true;
        for cell in notebook.cells_mut().filter(|cell| is_code(cell)) {
            trusted &= strip_trusted(cell) || !shows_anything_unsafe(cell, &RICH_OUTPUT_4);
        }
        trusted
    }

    /// Signs a notebook that is saved in an older version.
    pub(crate) fn sign_old(&self, notebook: &OldNotebook<'_>) {
        if let Ok(signed) = notebook.signed_tree() {
            self.remember(&signed);
        }
    }

    /// Signs a notebook whatever it shows. Whether it is trusted now and was not before.
    pub(crate) fn sign(&self, notebook: &Notebook<'_>) -> bool {
        let is_new = self.remember(&notebook.root);
        // Each of the two is enough to be trusted, and both are to be kept.
        let original = notebook.signed_as_3.as_ref();
        original.is_none_or(|original| self.remember(original)) && is_new
    }

    fn is_signed(&self, notebook: &Notebook<'_>) -> bool {
        let original = notebook.signed_as_3.as_ref();
        self.knows(&notebook.root) || original.is_some_and(|original| self.knows(original))
    }

    /// Keeps a signature; whether it is new.
    fn remember(&self, root: &Object<'_>) -> bool {
        let signed = self.signature(root).map_err(Into::into).and_then(|signature| {
            let was_known = self.store.contains(self.algorithm.name(), &signature)?;
            // Also when it was: those used longest ago are forgotten first.
            self.store.remember(self.algorithm.name(), &signature)?;
            Ok(!was_known)
        });
        signed.unwrap_or_else(|error: SignatureError| {
            tracing::warn!(%error, "the signature of a notebook could not be kept: it will not be trusted");
            false
        })
    }

    fn knows(&self, root: &Object<'_>) -> bool {
        self.is_remembered(self.signature(root))
    }

    fn is_remembered(&self, signature: io::Result<String>) -> bool {
        let signature = signature.map_err(Into::into);
        signature.and_then(|signature| self.store.contains(self.algorithm.name(), &signature)).unwrap_or_else(|error| {
            tracing::warn!(%error, "the signature of a notebook could not be looked up: it is not trusted");
            false
        })
    }

    fn signature(&self, root: &Object<'_>) -> io::Result<String> {
        self.signature_with(&self.secret()?, root)
    }

    fn signature_with(&self, secret: &[u8], root: &Object<'_>) -> io::Result<String> {
        match self.algorithm {
            SignatureAlgorithm::Sha224 => signed::<Hmac<Sha224>>(secret, root),
            SignatureAlgorithm::Sha256 => signed::<Hmac<Sha256>>(secret, root),
            SignatureAlgorithm::Sha384 => signed::<Hmac<Sha384>>(secret, root),
            SignatureAlgorithm::Sha512 => signed::<Hmac<Sha512>>(secret, root),
        }
    }

    /// Read from its file each time: `jupyter trust --reset` makes another.
    fn secret(&self) -> io::Result<Cow<'_, [u8]>> {
        match &self.secret {
            SigningSecret::Given(secret) => Ok(Cow::Borrowed(secret)),
            SigningSecret::File(file) => Ok(Cow::Owned(read_or_create(file)?)),
            SigningSecret::InMemory => {
                if let Some(made) = self.made.get() {
                    return Ok(Cow::Borrowed(made));
                }
                let secret = new_secret()?;
                Ok(Cow::Borrowed(self.made.get_or_init(|| secret.into())))
            }
        }
    }
}

fn set_trusted(notebook: &mut Notebook<'_>, trusted: bool) {
    for cell in notebook.cells_mut().filter(|cell| is_code(cell)) {
        if let Some(metadata) = cell.get_mut("metadata").and_then(Node::as_object_mut) {
            metadata.insert("trusted", Node::Bool(trusted));
        }
    }
}

fn signed<M: Mac + KeyInit>(secret: &[u8], root: &Object<'_>) -> io::Result<String> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).map_err(io::Error::other)?;
    digest_object(root, &mut mac);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

fn read_or_create(file: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        result => return result,
    }
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let secret = new_secret()?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
    {
        Ok(mut created) => {
            created.write_all(&secret)?;
            created.sync_all()?;
            Ok(secret)
        }
        // Another server made it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::read(file),
        Err(error) => Err(error),
    }
}

/// Base64 in lines, as Python's `encodebytes`.
fn new_secret() -> io::Result<Vec<u8>> {
    let mut random = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let text = STANDARD.encode(random);
    let lines = text.as_bytes().chunks(SECRET_LINE);
    Ok(lines
        .flat_map(|line| line.iter().copied().chain([b'\n']))
        .collect())
}

/// The types of output that can hold HTML or JavaScript, and their members that can't.
pub(super) struct RichOutput {
    types: [&'static str; 2],
    harmless: [&'static str; 3],
}

pub(super) const RICH_OUTPUT_4: RichOutput = RichOutput {
    types: ["execute_result", "display_data"],
    harmless: ["output_type", "execution_count", "metadata"],
};
pub(super) const RICH_OUTPUT_3: RichOutput = RichOutput {
    types: ["pyout", "display_data"],
    harmless: ["output_type", "prompt_number", "metadata"],
};

/// Whether an output has members that could hold HTML or JavaScript.
pub(super) fn shows_anything_unsafe(cell: &Object<'_>, rich: &RichOutput) -> bool {
    let outputs = cell.get("outputs").and_then(Node::as_array).unwrap_or_default();
    outputs.iter().filter_map(Node::as_object).any(|output| {
        let output_type = output.get("output_type").and_then(Node::as_str);
        output_type.is_some_and(|output_type| rich.types.contains(&output_type))
            && output.iter().any(|(key, _)| !rich.harmless.contains(&key))
    })
}

fn digest(node: &Node<'_>, mac: &mut impl Mac) {
    match node {
        Node::Null => mac.update(b"None"),
        Node::Bool(true) => mac.update(b"True"),
        Node::Bool(false) => mac.update(b"False"),
        Node::Integer(digits) => mac.update(digits.as_bytes()),
        Node::Float(value) => {
            let mut text = String::new();
            push_float(&mut text, *value);
            mac.update(text.as_bytes());
        }
        Node::String(text) => mac.update(text.as_bytes()),
        Node::Lines(lines) => mac.update(lines.text().as_bytes()),
        Node::Array(items) => items.iter().for_each(|item| digest(item, mac)),
        Node::Object(object) => digest_object(object, mac),
    }
}

fn digest_object(object: &Object<'_>, mac: &mut impl Mac) {
    for (key, value) in object.sorted() {
        mac.update(key.as_bytes());
        digest(value, mac);
    }
}
