//! `If-Match` and `If-None-Match` about the version of a file, which goes out as its `ETag`.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use contents::{ContentsError, ContentsPath, FileVersion, Found, Precondition, Versions};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ETAG, IF_MATCH, IF_NONE_MATCH},
    request::Parts,
};

/// What a request demands of the version of the file it is about.
#[derive(Debug)]
pub(crate) struct Conditions(pub(crate) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Conditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(Precondition {
            if_match: versions(headers, &IF_MATCH, Compared::Strongly),
            if_none_match: versions(headers, &IF_NONE_MATCH, Compared::Weakly),
        })
    }

    /// Whether a reader may have this version already.
    pub(crate) fn ask_for_another_version(&self) -> bool {
        self.0.if_none_match.is_some()
    }

    /// Whether a reader must be told anything but the file.
    pub(crate) fn ask_about_the_version(&self) -> bool {
        self.ask_for_another_version() || self.0.if_match.is_some()
    }

    /// Refuses unless what is at `path` fits all that the request demands.
    pub(crate) fn require(
        &self,
        path: &ContentsPath,
        found: Option<FileVersion>,
    ) -> Result<(), ContentsError> {
        match self.0.allows(found.map_or(Found::Unversioned, Found::File)) {
            true => Ok(()),
            false => Err(ContentsError::Changed(path.clone())),
        }
    }

    /// Refuses a reader who wants another version than is at `path`.
    pub(crate) fn require_match(
        &self,
        path: &ContentsPath,
        found: Option<FileVersion>,
    ) -> Result<(), ContentsError> {
        let wanted = Precondition {
            if_match: self.0.if_match.clone(),
            if_none_match: None,
        };
        Self(wanted).require(path, found)
    }

    /// The answer to a reader who has this version already.
    pub(crate) fn not_modified(&self, version: Option<FileVersion>) -> Option<Response> {
        let version = version?;
        let known = self.0.if_none_match.as_ref()?;
        let mut response = known
            .name(Found::File(version))
            .then(|| StatusCode::NOT_MODIFIED.into_response())?;
        response.headers_mut().insert(ETAG, entity_tag(version)?);
        Some(response)
    }
}

/// The version as a strong tag: whoever has the tag knows all bytes of the file.
pub(crate) fn entity_tag(version: FileVersion) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok()
}

/// How tags are compared. A proxy that compresses makes ours weak ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// A weak one is never equal: it does not say that all bytes are.
    Strongly,
    /// A weak one is as good.
    Weakly,
}

/// What a header lists, several of one name taken together. A header that makes no sense names no version, so that
/// nothing is changed because of it.
fn versions(headers: &HeaderMap, name: &HeaderName, compared: Compared) -> Option<Versions> {
    let mut values = headers.get_all(name).into_iter().peekable();
    values.peek()?;
    let mut texts = Vec::new();
    for value in values {
        let Ok(value) = value.to_str() else { continue };
        if value.trim() == "*" {
            return Some(Versions::Any);
        }
        // Between two quotes stands a tag, which holds none.
        let mut parts = value.split('"');
        while let (Some(before), Some(tag)) = (parts.next(), parts.next()) {
            if compared == Compared::Weakly || !before.ends_with("W/") {
                texts.push(tag.to_owned());
            }
        }
    }
    Some(Versions::OneOf(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_list_versions() {
        let one_of = |texts: &[&str]| {
            Some(Versions::OneOf(
                texts.iter().map(|text| (*text).to_owned()).collect(),
            ))
        };
        let check = |lines: &[&'static str], expected| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(Conditions::of(&headers).0.if_match, expected, "{lines:?}");
        };
        check(&[], None);
        check(&[" * "], Some(Versions::Any));
        check(&["\"a\""], one_of(&["a"]));
        check(&["\"a\", W/\"b\",\"b,c\"", "\"d\""], one_of(&["a", "b,c", "d"]));
        check(&["W/\"a\""], one_of(&[]));
        check(&["a"], one_of(&[]));
        check(&["\"a"], one_of(&["a"]));
        check(&[""], one_of(&[]));
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("W/\"a\", \"b\""));
        let weakly = Conditions::of(&headers).0.if_none_match;
        assert_eq!(weakly, one_of(&["a", "b"]));
    }
}
