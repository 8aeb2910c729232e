//! Version ranges as Helm reads them (the constraints of Masterminds/semver 3, by their documentation).
//!
//! `||` is or; comma and space are and. Operators `=` `!=` `>` `<` `>=` `<=` `~` `^`; hyphen ranges `1.2 - 1.4`; wildcards `x`, `X`,
//! `*` and parts left out. A pre-release is in a range only where a version of the same and-group has one. Build metadata does
//! not matter.

use semver::{BuildMetadata, Prerelease, Version};
use std::cmp::Ordering;
use std::fmt;

/// A version range.
#[derive(Clone, Debug)]
pub struct VersionRange {
    /// Any of these, each all of its comparators.
    groups: Vec<Vec<Comparator>>,
    text: String,
}

/// Why a text is no version range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{range:?} is not a version range: {part:?} is no version or comparison such as 1.2.3, ~1.2, ^2, >=1 or 1.x"
)]
pub struct RangeError {
    /// The whole text.
    pub range: String,
    /// The part that is wrong.
    pub part: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

#[derive(Clone, Debug)]
struct Comparator {
    operator: Operator,
    version: Version,
    /// How many of major, minor, patch were given: 0 to 3. The others are zero in `version`.
    given: u8,
}

/// Reads a version as generously as Helm: a `v` in front, and minor or patch left out.
pub fn parse_version(text: &str) -> Option<Version> {
    let (version, given) = parse_partial(text)?;
    (given > 0).then_some(version)
}

impl VersionRange {
    /// Reads a range; an empty one is every version that is no pre-release.
    ///
    /// # Errors
    /// Names the part that is no comparison.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        let failed = |part: &str| RangeError { range: text.to_owned(), part: part.to_owned() };
        let text_or_any = if text.trim().is_empty() { "*" } else { text };
        let groups = text_or_any.split("||").map(|group| parse_group(group).map_err(|part| failed(&part)));
        Ok(Self { groups: groups.collect::<Result<_, _>>()?, text: text_or_any.trim().to_owned() })
    }

    /// Whether a version is in the range.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let pre_release_asked_for = group.iter().any(|comparator| !comparator.version.pre.is_empty());
            (version.pre.is_empty() || pre_release_asked_for)
                && group.iter().all(|comparator| comparator.holds(version))
        })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Comparator {
    fn holds(&self, version: &Version) -> bool {
        let order = version.cmp_precedence(&self.version);
        match self.operator {
            Operator::Equal if self.given == 3 => order == Ordering::Equal,
            Operator::Equal => order != Ordering::Less && self.agrees(version, self.given),
            Operator::NotEqual if self.given == 3 => order != Ordering::Equal,
            Operator::NotEqual => !self.agrees(version, self.given),
            // Of a version with parts left out, everything it stands for is neither above nor below it.
            Operator::Greater => {
                order == Ordering::Greater && (self.given == 3 || !self.agrees(version, self.given))
            }
            Operator::LessOrEqual => {
                order != Ordering::Greater || (self.given < 3 && self.agrees(version, self.given))
            }
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            // At most the last given part but the minor may grow.
            Operator::Tilde => order != Ordering::Less && self.agrees(version, self.given.min(2)),
            Operator::Caret => order != Ordering::Less && self.agrees(version, self.fixed_by_caret()),
        }
    }

    /// Whether the first `parts` of major, minor, patch are the same.
    fn agrees(&self, version: &Version, parts: u8) -> bool {
        let own = [self.version.major, self.version.minor, self.version.patch];
        let other = [version.major, version.minor, version.patch];
        own.iter().zip(other).take(usize::from(parts)).all(|(a, b)| *a == b)
    }

    /// `^` fixes the parts up to the first that is not zero, or all that are given.
    fn fixed_by_caret(&self) -> u8 {
        let up_to = match (self.version.major, self.version.minor) {
            (1.., _) => 1,
            (0, 1..) => 2,
            (0, 0) => 3,
        };
        up_to.min(self.given)
    }
}

fn parse_group(group: &str) -> Result<Vec<Comparator>, String> {
    let mut words = group.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).peekable();
    let mut comparators = Vec::new();
    while let Some(word) = words.next() {
        let (operator, rest) = operator(word).ok_or_else(|| word.to_owned())?;
        // `>= 1.2`: the operator stands alone.
        let version = if rest.is_empty() { words.next().unwrap_or_default() } else { rest };
        let (version, given) = parse_partial(version).ok_or_else(|| word.to_owned())?;
        if operator.is_none() && words.peek() == Some(&"-") {
            words.next();
            let (upper, upper_given) =
                words.next().and_then(parse_partial).ok_or_else(|| group.trim().to_owned())?;
            comparators.push(Comparator { operator: Operator::GreaterOrEqual, version, given });
            comparators.push(Comparator {
                operator: Operator::LessOrEqual,
                version: upper,
                given: upper_given,
            });
        } else {
            comparators.push(Comparator { operator: operator.unwrap_or(Operator::Equal), version, given });
        }
    }
    if comparators.is_empty() { Err(group.trim().to_owned()) } else { Ok(comparators) }
}

/// The operator in front (`None` where there is none), and the rest; `None` for one that does not exist.
fn operator(word: &str) -> Option<(Option<Operator>, &str)> {
    let end = word.find(|c| !"=!<>~^".contains(c)).unwrap_or(word.len());
    let operator = match &word[..end] {
        "" => None,
        "=" | "==" => Some(Operator::Equal),
        "!=" => Some(Operator::NotEqual),
        ">" => Some(Operator::Greater),
        "<" => Some(Operator::Less),
        ">=" | "=>" => Some(Operator::GreaterOrEqual),
        "<=" | "=<" => Some(Operator::LessOrEqual),
        "~" | "~>" => Some(Operator::Tilde),
        "^" => Some(Operator::Caret),
        _ => return None,
    };
    Some((operator, &word[end..]))
}

/// A version with wildcards or parts left out, and how many parts are given.
fn parse_partial(text: &str) -> Option<(Version, u8)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (text, build) = text.split_once('+').map_or((text, ""), |(text, build)| (text, build));
    let (numbers, pre) = text.split_once('-').map_or((text, ""), |(numbers, pre)| (numbers, pre));
    let mut parts = [0; 3];
    let mut given = 0;
    let mut open = false;
    for (i, part) in numbers.split('.').enumerate() {
        if i > 2 {
            return None;
        }
        if matches!(part, "x" | "X" | "*") {
            open = true;
        } else if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        } else if !open {
            parts[i] = part.parse().ok()?;
            given += 1;
        }
    }
    let [major, minor, patch] = parts;
    let pre = if pre.is_empty() { Prerelease::EMPTY } else { Prerelease::new(pre).ok()? };
    let build = if build.is_empty() { BuildMetadata::EMPTY } else { BuildMetadata::new(build).ok()? };
    Some((Version { major, minor, patch, pre, build }, given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, inside: &[&str], outside: &[&str]) {
        let parsed = VersionRange::parse(range).unwrap();
        for (versions, expected) in [(inside, true), (outside, false)] {
            for version in versions {
                assert_eq!(
                    parsed.matches(&parse_version(version).unwrap()),
                    expected,
                    "{version} in {range:?}"
                );
            }
        }
    }

    #[test]
    fn exact_versions_and_wildcards() {
        check("1.2.3", &["1.2.3", "v1.2.3", "1.2.3+build"], &["1.2.4"]);
        check("=1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]);
        check("1.2.x", &["1.2.0", "1.2.9"], &["1.3.0"]);
        check("1.X", &["1.0.0", "1.9.0"], &["2.0.0", "0.9.0"]);
        check("*", &["0.0.0", "9.9.9"], &["1.0.0-rc.1"]);
        check("", &["0.0.1"], &["1.0.0-rc.1"]);
    }

    #[test]
    fn tilde_and_caret() {
        check("~1.2.3", &["1.2.3", "1.2.9"], &["1.2.2", "1.3.0"]);
        check("~1.2", &["1.2.0", "1.2.9"], &["1.3.0"]);
        check("~1", &["1.0.0", "1.9.9"], &["2.0.0"]);
        check("~> 1.2", &["1.2.9"], &["1.3.0"]);
        check("^1.2.3", &["1.2.3", "1.9.0"], &["1.2.2", "2.0.0"]);
        check("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2", "1.2.3"]);
        check("^0.0.3", &["0.0.3"], &["0.0.4", "0.1.0"]);
        check("^0.0", &["0.0.0", "0.0.9"], &["0.1.0"]);
        check("^0", &["0.0.1", "0.9.0"], &["1.0.0"]);
        check("^2.x", &["2.0.0", "2.9.9"], &["3.0.0"]);
    }

    #[test]
    fn comparisons() {
        check(">= 1.2, < 2", &["1.2.0", "1.9.9"], &["1.1.9", "2.0.0"]);
        check(">=1.2 <2.0.0", &["1.2.0"], &["2.0.0"]);
        check(">1.2", &["1.3.0", "2.0.0"], &["1.2.0", "1.2.9"]);
        check(">11", &["12.0.0"], &["11.1.0"]);
        check("<=1.2", &["1.2.9", "0.1.0"], &["1.3.0"]);
        check("=< 11", &["11.9.9"], &["12.0.0"]);
        check("!=1.2.3", &["1.2.4"], &["1.2.3"]);
        check("!=1.x", &["2.0.0"], &["1.5.0"]);
        check(">1.0.0, !=1.5.0", &["1.4.0"], &["1.5.0"]);
    }

    #[test]
    fn hyphens_and_alternatives() {
        check("1.2 - 1.4.5", &["1.2.0", "1.4.5"], &["1.1.9", "1.4.6"]);
        check("1 - 2", &["1.0.0", "2.9.9"], &["3.0.0"]);
        check("~1.2 || ^2", &["1.2.5", "2.9.0"], &["1.3.0", "3.0.0"]);
        check("1.0.0||1.2.0", &["1.0.0", "1.2.0"], &["1.1.0"]);
    }

    #[test]
    fn pre_releases_only_where_asked_for() {
        check(">=1.0.0", &["1.0.1"], &["1.1.0-beta.1"]);
        check(">=1.0.0-0", &["1.1.0-beta.1", "1.0.0-alpha"], &["0.9.0"]);
        check("~1.2.3-beta", &["1.2.3-beta.2", "1.2.3"], &["1.2.3-alpha", "1.3.0"]);
        check(">=1.0.0-0, <2", &["1.5.0-rc.1"], &["2.0.0"]);
        check("^2 || 1.0.0-rc.1", &["1.0.0-rc.1"], &["2.1.0-rc.1"]);
    }

    #[test]
    fn what_is_no_range() {
        for (range, part) in [
            ("latest", "latest"),
            ("1.2.3.4", "1.2.3.4"),
            ("1.2 ||", ""),
            ("=>", "=>"),
            ("1.0 - x.y.z.a", "1.0 - x.y.z.a"),
            ("<>1", "<>1"),
        ] {
            assert_eq!(VersionRange::parse(range).unwrap_err().part, part, "{range}");
        }
        assert_eq!(
            VersionRange::parse("newest").unwrap_err().to_string(),
            "\"newest\" is not a version range: \"newest\" is no version or comparison such as 1.2.3, ~1.2, ^2, >=1 or 1.x"
        );
    }
}
