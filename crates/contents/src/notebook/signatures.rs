//! Where signatures of trusted notebooks are kept.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Why a store of signatures could not answer.
pub type SignatureError = Box<dyn std::error::Error + Send + Sync>;

/// The signatures of trusted notebooks. Jupyter's own is the table of `nbsignatures.db`, so that what was trusted
/// there is trusted here and the other way round. Called from blocking tasks.
pub trait SignatureStore: Send + Sync + 'static {
    /// Whether this signature is known; notes that it was seen.
    ///
    /// # Errors
    /// When the store can't be read.
    fn contains(&self, algorithm: &str, signature: &str) -> Result<bool, SignatureError>;

    /// Remembers a signature.
    ///
    /// # Errors
    /// When the store can't be written.
    fn remember(&self, algorithm: &str, signature: &str) -> Result<(), SignatureError>;
}

/// Signatures for the life of the process.
#[derive(Debug, Default)]
pub struct SignaturesInMemory {
    /// (algorithm, signature)
    known: Mutex<HashSet<(String, String)>>,
}

/// Signatures kept in memory; beyond it all are forgotten, which only means "not trusted".
const IN_MEMORY_MAX: usize = 65_535;

impl SignatureStore for SignaturesInMemory {
    fn contains(&self, algorithm: &str, signature: &str) -> Result<bool, SignatureError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.contains(&(algorithm.to_owned(), signature.to_owned())))
    }

    fn remember(&self, algorithm: &str, signature: &str) -> Result<(), SignatureError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= IN_MEMORY_MAX {
            known.clear();
        }
        known.insert((algorithm.to_owned(), signature.to_owned()));
        Ok(())
    }
}
