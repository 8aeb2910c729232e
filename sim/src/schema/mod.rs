//! The shape of the built-in kinds: which fields exist, which lists merge by key, which maps are atomic.
//!
//! Server-side apply, strategic merge patches and type checks all need the same knowledge; `types.txt` is the one table.

mod check;

use std::collections::BTreeMap;
use std::sync::OnceLock;

pub(crate) use check::{TypeProblem, check_types, drop_unknown};

/// How a list merges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ListKind {
    /// Replaced as a whole.
    Atomic,
    /// Unordered scalars, merged by value.
    Set,
    /// Objects merged by the values of these fields.
    Map(Vec<String>),
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    String,
    Integer,
    Number,
    Boolean,
    IntOrString,
    Quantity,
    /// Free-form: objects merge key by key, lists are atomic.
    Any,
    Map {
        atomic: bool,
        of: Box<Type>,
    },
    List {
        kind: ListKind,
        of: Box<Type>,
    },
    Struct {
        id: usize,
        atomic: bool,
    },
}

/// A field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) of: Type,
}

/// A named object type.
#[derive(Debug, Default)]
pub(crate) struct Struct {
    pub(crate) name: String,
    atomic: bool,
    /// Fields that are not listed are free-form rather than unknown.
    pub(crate) open: bool,
    pub(crate) fields: BTreeMap<String, Field>,
}

/// The parsed table.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    structs: Vec<Struct>,
    roots: BTreeMap<(String, String), usize>,
}

impl Schema {
    /// The one table, parsed on first use.
    pub(crate) fn get() -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Self::parse(include_str!("types.txt")))
    }

    fn parse(text: &str) -> Self {
        let lines = || text.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
        let mut names = BTreeMap::new();
        let mut schema = Self::default();
        for line in lines().filter(|l| !l.starts_with('@')) {
            let name = line.split(' ').next().unwrap_or_default();
            let bare = name.trim_start_matches('!');
            names.insert(bare, schema.structs.len());
            schema.structs.push(Struct {
                name: bare.to_owned(),
                atomic: name.starts_with('!'),
                open: bare == "CustomObject",
                fields: BTreeMap::new(),
            });
        }
        let atomic: Vec<bool> = schema.structs.iter().map(|s| s.atomic).collect();
        for line in lines() {
            let mut words = line.split(' ');
            let head = words.next().unwrap_or_default();
            if head == "@" {
                if let (Some(gv), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
                    && let Some(id) = names.get(name)
                {
                    schema.roots.insert((gv.trim_start_matches("-/").to_owned(), kind.to_owned()), *id);
                }
                continue;
            }
            let Some(id) = names.get(head.trim_start_matches('!')) else { continue };
            for word in words {
                let Some((field, of)) = word.split_once('=') else { continue };
                let of = parse_type(of, &names, &atomic);
                schema.structs[*id].fields.insert(field.trim_end_matches('*').to_owned(), Field { of });
            }
        }
        schema
    }

    /// The type of objects of a kind; that of custom objects where the table does not know it.
    pub(crate) fn root(&self, group: &str, version: &str, kind: &str) -> Type {
        let gv = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let custom = || self.structs.iter().position(|s| s.open).unwrap_or_default();
        let id = self.roots.get(&(gv, kind.to_owned())).copied().unwrap_or_else(custom);
        Type::Struct { id, atomic: false }
    }

    pub(crate) fn structure(&self, id: usize) -> &Struct {
        &self.structs[id]
    }

    /// Type of a field of a value of type `of`; `known` tells struct fields from keys of maps.
    pub(crate) fn field<'a>(&'a self, of: &'a Type, name: &str) -> (&'a Type, bool) {
        match of {
            Type::Struct { id, .. } => {
                let structure = &self.structs[*id];
                match structure.fields.get(name) {
                    Some(field) => (&field.of, true),
                    None => (&Type::Any, structure.open),
                }
            }
            Type::Map { of, .. } => (of, false),
            _ => (&Type::Any, false),
        }
    }
}

fn parse_type(text: &str, names: &BTreeMap<&str, usize>, atomics: &[bool]) -> Type {
    if let Some(rest) = text.strip_prefix('!') {
        return match parse_type(rest, names, atomics) {
            Type::Map { of, .. } => Type::Map { atomic: true, of },
            Type::Struct { id, .. } => Type::Struct { id, atomic: true },
            other => other,
        };
    }
    if let Some(rest) = text.strip_prefix("map:") {
        return Type::Map { atomic: false, of: Box::new(parse_type(rest, names, atomics)) };
    }
    if let Some(rest) = text.strip_prefix("{}") {
        return Type::List { kind: ListKind::Set, of: Box::new(parse_type(rest, names, atomics)) };
    }
    if let Some((keys, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        let kind = if keys.is_empty() {
            ListKind::Atomic
        } else {
            ListKind::Map(keys.split(',').map(str::to_owned).collect())
        };
        return Type::List { kind, of: Box::new(parse_type(rest, names, atomics)) };
    }
    match text {
        "s" => Type::String,
        "i" => Type::Integer,
        "n" => Type::Number,
        "b" => Type::Boolean,
        "io" => Type::IntOrString,
        "q" => Type::Quantity,
        name => match names.get(name) {
            Some(id) => Type::Struct { id: *id, atomic: atomics[*id] },
            None => Type::Any,
        },
    }
}
