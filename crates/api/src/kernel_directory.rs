//! The directory a kernel starts in, from the path of its document.

use authorization::{Caller, Read, Unchecked};
use contents::{ContentsManager, ContentsPath, PathError};

use crate::{
    ApiError,
    contents::name::{Contents, ContentsName},
};

/// The directory for a kernel whose document is at `path`: the one the path names or is in, or the nearest above that
/// exists, since documents need not exist (consoles, the first session of an unsaved notebook). The root, as for a path
/// of which nothing exists, when the caller may not read the path or the directory, or it is hidden: the kernel could
/// otherwise be put where the caller may not look.
///
/// # Errors
/// When `path` can be no path, or the operating system fails.
pub(crate) async fn kernel_directory(
    caller: &Caller,
    contents: &ContentsManager,
    path: &str,
) -> Result<String, ApiError> {
    let root = || Ok(String::new());
    let path: ContentsPath = match path.parse() {
        Ok(path) => path,
        // It goes no further up than the root.
        Err(PathError::Outside(_)) => return root(),
        Err(error) => return Err(ApiError::BadRequest(error.to_string())),
    };
    let directory = contents.nearest_shown_directory(&path).await?;
    if directory.is_root() {
        return root();
    }
    for needed in [path, directory.clone()] {
        let needed = Unchecked::<Contents>::new(ContentsName::of(needed));
        if caller.also::<Read, Contents>(needed).await.is_err() {
            return root();
        }
    }
    Ok(directory.as_str().to_owned())
}
