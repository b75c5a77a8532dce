//! How many kernels one user may have. Those that are being started count: whoever starts one owns it before it runs.

use authorization::{Caller, OwnershipError};
use kernels::KernelId;

use crate::{ApiError, resources::Kernels};

/// The limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelQuota {
    /// How many; `None` for any number.
    pub per_user_max: Option<usize>,
}

impl KernelQuota {
    /// Records that a kernel that is about to be started is the caller's, if they may have one more.
    ///
    /// # Errors
    /// [`ApiError::TooManyKernelsOfYours`]; when somebody else has it, or the record cannot be kept.
    pub(crate) async fn claim(self, caller: &Caller, id: &KernelId) -> Result<(), ApiError> {
        self.claim_beyond(caller, id, 0).await
    }

    /// The same when another kernel of the session's will end: if that is the caller's, its place is free.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub(crate) async fn claim_instead(
        self,
        caller: &Caller,
        id: &KernelId,
        ending: &KernelId,
    ) -> Result<(), ApiError> {
        let free = usize::from(caller.made::<Kernels>(ending));
        self.claim_beyond(caller, id, free).await
    }

    async fn claim_beyond(self, caller: &Caller, id: &KernelId, free: usize) -> Result<(), ApiError> {
        let most = self.per_user_max.unwrap_or(usize::MAX);
        match caller
            .claim_at_most::<Kernels>(id, most.saturating_add(free))
            .await
        {
            Err(OwnershipError::TooMany { .. }) => Err(ApiError::TooManyKernelsOfYours { most }),
            claimed => Ok(claimed?),
        }
    }
}
