//! Trust: a notebook whose signature is known may show its HTML and run its JavaScript at once.
//!
//! The signature is the one of nbformat's `NotebookNotary`: an HMAC over the joined tree, keys sorted, with the
//! secret of the user's data directory.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::node::{Node, Object};
use super::signatures::{SignatureError, SignatureStore};
use super::{Notebook, OldNotebook, is_code, strip_trusted};
use crate::python_text::push_float;
use crate::version::FileVersion;

/// The algorithm of all our signatures, Jupyter's default.
const ALGORITHM: &str = "sha256";
/// Random bytes in a new secret, as Jupyter makes it.
const SECRET_BYTES: usize = 1024;
/// Characters a line of the secret file.
const SECRET_LINE: usize = 76;

/// Signs notebooks and checks signatures.
pub(crate) struct Notary {
    /// Where the secret lies; without one it lives as long as the process.
    secret_file: Option<PathBuf>,
    /// Read or made when first needed.
    secret: Mutex<Option<Arc<[u8]>>>,
    store: Arc<dyn SignatureStore>,
    /// Signatures of files as they lie on the disk: most of what it takes to open a large notebook again.
    of_files: Mutex<HashMap<FileVersion, String>>,
}

/// Files whose signatures are kept; beyond it all are forgotten and made again.
const FILES_MAX: usize = 1024;
/// A file that changed a shorter while ago may change once more without getting another version.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

impl Notary {
    pub(crate) fn new(secret_file: Option<PathBuf>, store: Arc<dyn SignatureStore>) -> Self {
        Self {
            secret_file,
            secret: Mutex::new(None),
            store,
            of_files: Mutex::default(),
        }
    }

    /// [`Self::mark`] of all of a file of this version.
    pub(crate) fn mark_read(&self, notebook: &mut Notebook<'_>, version: FileVersion) {
        if notebook.signed_as_3.is_some() || !version.is_settled(SystemTime::now(), SETTLED_AFTER) {
            return self.mark(notebook);
        }
        let files = || self.of_files.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = files().get(&version).cloned();
        let signature = kept.map_or_else(|| self.signature(&notebook.root), Ok);
        if let Ok(signature) = &signature {
            let mut files = files();
            if files.len() >= FILES_MAX {
                files.clear();
            }
            files.insert(version, signature.clone());
        }
        set_trusted(notebook, self.is_remembered(signature));
    }

    /// Marks every code cell with whether the notebook is trusted. A store that fails means "not trusted".
    pub(crate) fn mark(&self, notebook: &mut Notebook<'_>) {
        set_trusted(notebook, self.is_signed(notebook));
    }

    /// Takes the marks from the cells; whether each was marked or has nothing unsafe to show.
    pub(crate) fn check_cells(notebook: &mut Notebook<'_>) -> bool {
        let mut trusted = true;
        for cell in notebook.cells_mut() {
            trusted &= strip_trusted(cell) || !is_code(cell) || !shows_anything_unsafe(cell, &RICH_OUTPUT_4);
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
    pub(crate) fn sign(&self, notebook: &mut Notebook<'_>) -> bool {
        notebook.strip_transient();
        notebook.strip_trusted();
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
            let was_known = self.store.contains(ALGORITHM, &signature)?;
            // Also when it was: those used longest ago are forgotten first.
            self.store.remember(ALGORITHM, &signature)?;
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
        signature.and_then(|signature| self.store.contains(ALGORITHM, &signature)).unwrap_or_else(|error| {
            tracing::warn!(%error, "the signature of a notebook could not be looked up: it is not trusted");
            false
        })
    }

    fn signature(&self, root: &Object<'_>) -> io::Result<String> {
        let secret = self.secret()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).map_err(io::Error::other)?;
        digest_object(root, &mut mac);
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    fn secret(&self) -> io::Result<Arc<[u8]>> {
        let mut kept = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = &*kept {
            return Ok(Arc::clone(secret));
        }
        let secret: Arc<[u8]> = match &self.secret_file {
            Some(file) => read_or_create(file)?.into(),
            None => new_secret()?.into(),
        };
        *kept = Some(Arc::clone(&secret));
        Ok(secret)
    }
}

fn set_trusted(notebook: &mut Notebook<'_>, trusted: bool) {
    for cell in notebook.cells_mut().filter(|cell| is_code(cell)) {
        if let Some(metadata) = cell.get_mut("metadata").and_then(Node::as_object_mut) {
            metadata.insert("trusted", Node::Bool(trusted));
        }
    }
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

fn digest(node: &Node<'_>, mac: &mut Hmac<Sha256>) {
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

fn digest_object(object: &Object<'_>, mac: &mut Hmac<Sha256>) {
    for (key, value) in object.sorted() {
        mac.update(key.as_bytes());
        digest(value, mac);
    }
}
