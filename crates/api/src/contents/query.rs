//! The query of a GET: `type`, `format`, `content`, `hash`. Other keys are ignored; of equal ones the last counts.

use contents::{EntryType, Format, Get};

use crate::ApiError;

/// What a query asks for.
pub(super) fn parse(query: Option<&str>) -> Result<Get, ApiError> {
    let mut get = Get {
        content: true,
        ..Get::default()
    };
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let value = value.trim();
        match &*key {
            "type" => get.entry_type = Some(EntryType::or_file(value)),
            "format" => get.format = Some(format(value)?),
            "content" => {
                let wrong = || format!("Content {value:?} is invalid").replace('"', "'");
                get.content = flag(value).ok_or_else(|| ApiError::BadRequest(wrong()))?;
            }
            "hash" => {
                let wrong = || format!("Hash argument '{value}' is invalid. It must be '0' or '1'.");
                get.hash = flag(value).ok_or_else(|| ApiError::BadRequest(wrong()))?;
            }
            _ => {}
        }
    }
    Ok(get)
}

fn format(value: &str) -> Result<Format, ApiError> {
    match value {
        "text" => Ok(Format::Text),
        "base64" => Ok(Format::Base64),
        _ => Err(ApiError::BadRequest(format!("Format '{value}' is invalid"))),
    }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_a_model_holds() {
        let all = Get {
            content: true,
            ..Get::default()
        };
        let check = |query, expected| assert_eq!(parse(query).ok(), expected, "{query:?}");
        check(None, Some(all));
        check(Some("1795349235713&contentProviderId=undefined"), Some(all));
        check(Some("content=1&content=0"), Some(Get::default()));
        check(
            Some("type=bogus"),
            Some(Get {
                entry_type: Some(EntryType::File),
                ..all
            }),
        );
        check(
            Some("hash=1&format=base64"),
            Some(Get {
                hash: true,
                format: Some(Format::Base64),
                ..all
            }),
        );
        for query in ["format=bogus", "format=", "content=2", "content=", "hash=yes"] {
            check(Some(query), None);
        }
    }
}
