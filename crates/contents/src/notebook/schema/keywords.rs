//! The keywords of JSON Schema, Draft 4, that the published schemas use.

use super::patterns::matches;
use super::python::{quoted, repr_list};
use crate::notebook::node::{Node, Object};
use crate::python_text::repr;

/// One step into a tree.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    /// As Python shows a key or an index.
    pub(super) fn repr(&self) -> String {
        match self {
            Self::Key(key) => repr(key),
            Self::Index(index) => index.to_string(),
        }
    }
}

/// The first rule of a schema that a value breaks.
pub(super) struct Violation<'n, 'a> {
    pub(super) message: String,
    /// Where the rule stands, the keyword last.
    pub(super) schema_path: Vec<Step>,
    /// Where the value stands.
    pub(super) path: Vec<Step>,
    pub(super) instance: &'n Node<'a>,
}

/// Where to go on: into which value with which schema, and how that is said in the paths.
struct Descent<'s, 'n, 'a> {
    schema: &'s Node<'s>,
    schema_step: Option<Step>,
    instance: &'n Node<'a>,
    step: Option<Step>,
}

/// Checks a value against a schema, keyword by keyword in the order of the schema. `root` holds the definitions.
pub(super) fn first_violation<'n, 'a>(
    root: &Object<'_>,
    schema: &Object<'_>,
    instance: &'n Node<'a>,
) -> Option<Violation<'n, 'a>> {
    if let Some(reference) = schema.get("$ref").and_then(Node::as_str) {
        return first_violation(root, resolve(root, reference)?, instance);
    }
    schema.iter().find_map(|(keyword, rule)| {
        let found = |message| Violation {
            message,
            schema_path: Vec::new(),
            path: Vec::new(),
            instance,
        };
        let mut violation = match keyword {
            "type" => wrong_type(rule, instance).map(found),
            "enum" => not_listed(rule, instance).map(found),
            "minimum" | "maximum" => out_of_range(keyword, rule, instance).map(found),
            "minLength" | "maxLength" => wrong_length(keyword, rule, instance).map(found),
            "pattern" => no_match(rule, instance).map(found),
            "uniqueItems" => not_unique(instance).map(found),
            "required" => missing(rule, instance).map(found),
            "oneOf" => none_fits(root, rule, instance).map(found),
            "not" => unwanted(root, rule, instance).map(found),
            "properties" => descend(root, properties(rule, instance)),
            "patternProperties" => descend(root, pattern_properties(rule, instance)),
            "items" => descend(root, items(rule, instance)),
            "additionalProperties" => match rule {
                Node::Object(_) => descend(root, additional(schema, rule, instance)),
                Node::Bool(false) => unexpected(schema, instance).map(found),
                _ => None,
            },
            _ => None,
        }?;
        violation.schema_path.insert(0, Step::Key(keyword.to_owned()));
        Some(violation)
    })
}

fn resolve<'r>(root: &'r Object<'r>, reference: &str) -> Option<&'r Object<'r>> {
    let mut steps = reference.strip_prefix("#/")?.split('/');
    steps.try_fold(root, |object, step| object.get(step)?.as_object())
}

fn descend<'s, 'n, 'a: 'n>(
    root: &Object<'_>,
    descents: impl IntoIterator<Item = Descent<'s, 'n, 'a>>,
) -> Option<Violation<'n, 'a>> {
    descents.into_iter().find_map(|descent| {
        let mut violation = first_violation(root, descent.schema.as_object()?, descent.instance)?;
        violation.path.splice(0..0, descent.step);
        violation.schema_path.splice(0..0, descent.schema_step);
        Some(violation)
    })
}

fn is_of_type(instance: &Node<'_>, wanted: &str) -> bool {
    instance.type_name() == wanted || (wanted == "number" && instance.type_name() == "integer")
}

fn wrong_type(rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let one = std::slice::from_ref(rule);
    let types = rule.as_array().unwrap_or(one);
    let fits = |wanted: &Node<'_>| wanted.as_str().is_some_and(|wanted| is_of_type(instance, wanted));
    if types.iter().any(fits) {
        return None;
    }
    let names: Vec<String> = types.iter().filter_map(Node::as_str).map(repr).collect();
    Some(format!(
        "{} is not of type {}",
        quoted(instance),
        names.join(", ")
    ))
}

fn not_listed(rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let is_listed = rule.as_array().unwrap_or_default().contains(instance);
    (!is_listed).then(|| format!("{} is not one of {}", quoted(instance), quoted(rule)))
}

fn out_of_range(keyword: &str, rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let bound = rule.as_i64()?;
    // The bounds are small: an `f64` compares rightly with them whatever the number of digits.
    #[expect(clippy::cast_precision_loss, reason = "bounds have one digit")]
    let bound_float = bound as f64;
    let value = match instance {
        Node::Integer(digits) => digits.parse::<f64>().ok()?,
        Node::Float(value) => *value,
        _ => return None,
    };
    let (is_wrong, words) = match keyword {
        "minimum" => (value < bound_float, "less than the minimum"),
        _ => (value > bound_float, "greater than the maximum"),
    };
    is_wrong.then(|| format!("{} is {words} of {bound}", quoted(instance)))
}

fn wrong_length(keyword: &str, rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let bound = usize::try_from(rule.as_i64()?).ok()?;
    let length = instance.as_str()?.chars().count();
    let words = match keyword {
        "minLength" if length < bound && bound == 1 => "should be non-empty",
        "minLength" if length < bound => "is too short",
        "maxLength" if length > bound => "is too long",
        _ => return None,
    };
    Some(format!("{} {words}", quoted(instance)))
}

fn no_match(rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let (pattern, text) = (rule.as_str()?, instance.as_str()?);
    (!matches(pattern, text)).then(|| format!("{} does not match {}", quoted(instance), repr(pattern)))
}

fn not_unique(instance: &Node<'_>) -> Option<String> {
    let items = instance.as_array()?;
    let mut rest = items;
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return Some(format!("{} has non-unique elements", quoted(instance)));
        }
        rest = others;
    }
    None
}

fn missing(rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let object = instance.as_object()?;
    let mut keys = rule.as_array()?.iter().filter_map(Node::as_str);
    let key = keys.find(|key| !object.contains(key))?;
    Some(format!("{} is a required property", repr(key)))
}

fn none_fits(root: &Object<'_>, rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let fits = |alternative: &Node<'_>| {
        let alternative = alternative.as_object();
        alternative.is_some_and(|alternative| first_violation(root, alternative, instance).is_none())
    };
    let one_fits = rule.as_array()?.iter().any(fits);
    (!one_fits).then(|| format!("{} is not valid under any of the given schemas", quoted(instance)))
}

fn unwanted(root: &Object<'_>, rule: &Node<'_>, instance: &Node<'_>) -> Option<String> {
    let fits = first_violation(root, rule.as_object()?, instance).is_none();
    fits.then(|| format!("{} should not be valid under {}", quoted(instance), quoted(rule)))
}

fn properties<'s, 'n, 'a>(
    rule: &'s Node<'s>,
    instance: &'n Node<'a>,
) -> impl Iterator<Item = Descent<'s, 'n, 'a>> {
    let pairs = rule.as_object().zip(instance.as_object()).into_iter();
    pairs.flat_map(|(rules, object)| {
        rules.iter().filter_map(|(key, schema)| {
            Some(Descent {
                schema,
                schema_step: Some(Step::Key(key.to_owned())),
                instance: object.get(key)?,
                step: Some(Step::Key(key.to_owned())),
            })
        })
    })
}

fn pattern_properties<'s, 'n, 'a>(
    rule: &'s Node<'s>,
    instance: &'n Node<'a>,
) -> impl Iterator<Item = Descent<'s, 'n, 'a>> {
    let pairs = rule.as_object().zip(instance.as_object()).into_iter();
    pairs.flat_map(|(rules, object)| {
        rules.iter().flat_map(move |(pattern, schema)| {
            let matching = object.iter().filter(move |(key, _)| matches(pattern, key));
            matching.map(move |(key, instance)| Descent {
                schema,
                schema_step: Some(Step::Key(pattern.to_owned())),
                instance,
                step: Some(Step::Key(key.to_owned())),
            })
        })
    })
}

fn items<'s, 'n, 'a>(
    rule: &'s Node<'s>,
    instance: &'n Node<'a>,
) -> impl Iterator<Item = Descent<'s, 'n, 'a>> {
    let items = instance.as_array().unwrap_or_default().iter().enumerate();
    items.map(move |(index, instance)| Descent {
        schema: rule,
        schema_step: None,
        instance,
        step: Some(Step::Index(index)),
    })
}

/// The members that neither `properties` nor `patternProperties` of the schema name.
fn extras<'n, 'a>(schema: &Object<'_>, instance: &'n Node<'a>) -> Vec<(&'n str, &'n Node<'a>)> {
    let rules = |keyword: &str| schema.get(keyword).and_then(Node::as_object);
    let is_known = |key: &str| {
        rules("properties").is_some_and(|known| known.contains(key))
            || rules("patternProperties")
                .is_some_and(|known| known.iter().any(|(pattern, _)| matches(pattern, key)))
    };
    let members = instance.as_object().into_iter().flat_map(Object::iter);
    members.filter(|(key, _)| !is_known(key)).collect()
}

fn additional<'s, 'n, 'a>(
    schema: &Object<'_>,
    rule: &'s Node<'s>,
    instance: &'n Node<'a>,
) -> impl Iterator<Item = Descent<'s, 'n, 'a>> {
    extras(schema, instance)
        .into_iter()
        .map(move |(key, instance)| Descent {
            schema: rule,
            schema_step: None,
            instance,
            step: Some(Step::Key(key.to_owned())),
        })
}

fn unexpected(schema: &Object<'_>, instance: &Node<'_>) -> Option<String> {
    let mut extras: Vec<&str> = extras(schema, instance).into_iter().map(|(key, _)| key).collect();
    extras.sort_unstable();
    let names = repr_list(&extras);
    let is_one = extras.len() == 1;
    if extras.is_empty() {
        return None;
    }
    Some(match schema.get("patternProperties").and_then(Node::as_object) {
        Some(patterns) => {
            let verb = if is_one { "does" } else { "do" };
            let patterns: Vec<&str> = patterns
                .sorted()
                .into_iter()
                .map(|(pattern, _)| pattern)
                .collect();
            format!(
                "{names} {verb} not match any of the regexes: {}",
                repr_list(&patterns)
            )
        }
        None => {
            let verb = if is_one { "was" } else { "were" };
            format!("Additional properties are not allowed ({names} {verb} unexpected)")
        }
    })
}
