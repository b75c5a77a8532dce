//! The query of a GET: `type`, `format`, `content`, `hash`, and ours, `limit` and `after`. Other keys are ignored; of equal ones the last counts.

use contents::{EntryType, Format, Get, Page};

use crate::{ApiError, arguments};

/// What a query asks for.
pub(super) fn parse(query: Option<&str>) -> Result<Get, ApiError> {
    let last = |name| arguments::last(query, name);
    let entry_type = last("type")?.map(|value| EntryType::or_file(&value));
    let format = last("format")?.map(|value| format(&value)).transpose()?;
    let content = last("content")?.unwrap_or_else(|| "1".to_owned());
    let wrong = || ApiError::BadRequest(format!("Content '{content}' is invalid"));
    let content = flag(&content).ok_or_else(wrong)?;
    let hash = last("hash")?.unwrap_or_else(|| "0".to_owned());
    let wrong = || format!("Hash argument '{hash}' is invalid. It must be '0' or '1'.");
    let hash = flag(&hash).ok_or_else(|| ApiError::BadRequest(wrong()))?;
    Ok(Get {
        entry_type,
        format,
        content,
        hash,
    })
}

/// The part of a listing that a query asks for; none for the whole, as the reference gives it.
pub(super) fn page(query: Option<&str>) -> Result<Option<Page>, ApiError> {
    let mut page = Page::default();
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*key {
            "limit" => {
                let wrong = |must_be| {
                    ApiError::BadRequest(format!("Limit '{value}' is invalid. It must be {must_be}."))
                };
                let digits = value.trim();
                // A page of nothing would have no next one.
                page.limit = match digits.parse() {
                    Ok(limit @ 1..) => Some(limit),
                    Ok(0) => return Err(wrong("at least 1")),
                    Err(_) if digits.strip_prefix('-').is_some_and(is_number) => {
                        return Err(wrong("at least 1"));
                    }
                    // More than a directory can have.
                    Err(_) if is_number(digits) => Some(usize::MAX),
                    Err(_) => return Err(wrong("a number")),
                };
            }
            // As it is: a name may begin and end with spaces.
            "after" => page.after = Some(value.into_owned()),
            _ => {}
        }
    }
    Ok(Some(page).filter(|page| *page != Page::default()))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    fn a_query_says_which_part_of_a_listing_is_wanted() {
        let check = |query: &str, expected| assert_eq!(page(Some(query)).ok(), expected, "{query}");
        let of = |limit, after: Option<&str>| {
            let after = after.map(str::to_owned);
            Some(Some(Page { limit, after }))
        };
        check("content=1&1795349235713", Some(None));
        check("limit=100", of(Some(100), None));
        check("limit=1&after=+a%2Fb+", of(Some(1), Some(" a/b ")));
        check("after=", of(None, Some("")));
        check("limit=99999999999999999999", of(Some(usize::MAX), None));
        for query in ["limit=", "limit=0", "limit=-1", "limit=many", "limit=1.5"] {
            check(query, None);
        }
        let said = |query: &str| page(Some(query)).unwrap_err().to_string();
        assert_eq!(said("limit=-1"), "Limit '-1' is invalid. It must be at least 1.");
        assert_eq!(said("limit=x"), "Limit 'x' is invalid. It must be a number.");
    }

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
            Some("content=2&content=0&format=bogus&format=text"),
            Some(Get {
                format: Some(Format::Text),
                ..Get::default()
            }),
        );
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
        for query in [
            "format=bogus",
            "format=",
            "content=2",
            "content=",
            "hash=yes",
            "type=%ff",
        ] {
            check(Some(query), None);
        }
    }
}
