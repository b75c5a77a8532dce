//! Jupyter's own file of trusted notebooks, for the crate `contents`, which knows no database.

use std::path::Path;
use std::sync::Arc;

use contents::{SignatureError, SignatureStore, SignaturesInMemory};
use store::Signatures;
use tracing::warn;

struct InFile(Signatures);

impl SignatureStore for InFile {
    fn contains(&self, algorithm: &str, signature: &str) -> Result<bool, SignatureError> {
        self.0
            .contains(algorithm, signature)
            .map_err(SignatureError::from)
    }

    fn remember(&self, algorithm: &str, signature: &str) -> Result<(), SignatureError> {
        self.0
            .remember(algorithm, signature)
            .map_err(SignatureError::from)
    }
}

/// Opens the file. One that cannot be used leaves notebooks untrusted after the process; that is no reason not to
/// serve, as in the reference.
pub(crate) fn open(path: Option<&Path>) -> Arc<dyn SignatureStore> {
    let Some(path) = path else {
        return Arc::new(SignaturesInMemory::default());
    };
    match Signatures::open(path) {
        Ok(signatures) => Arc::new(InFile(signatures)),
        Err(error) => {
            warn!("{error}; which notebooks are trusted is forgotten when this server ends");
            Arc::new(SignaturesInMemory::default())
        }
    }
}
