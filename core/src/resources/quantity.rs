//! One amount as Kubernetes writes it: `250m`, `1.5`, `4Gi`, `1e3`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// An amount, in thousandths, as exact as schedulers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, examples("3500m", "4Gi", "110"))]
pub struct Quantity(i128);

/// What cannot be read as an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an amount such as 250m, 1.5 or 4Gi")]
pub struct ParseQuantityError {
    text: String,
}

/// Suffixes with what they multiply by: numerator, denominator.
const SUFFIXES: [(&str, i128, i128); 15] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
];

/// Digits that are read; Kubernetes keeps no more either.
const MOST_DIGITS: usize = 27;

impl Quantity {
    /// A whole number.
    pub fn whole(amount: u64) -> Self {
        Self(i128::from(amount) * 1000)
    }

    /// The whole number, rounded up; 0 for what is negative.
    pub fn to_whole(self) -> u64 {
        ceil(self.0, 1000).and_then(|whole| u64::try_from(whole.max(0)).ok()).unwrap_or(u64::MAX)
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `numerator / denominator` times as much, rounded up; nothing where the denominator is 0.
    #[must_use]
    pub fn scaled(self, numerator: u64, denominator: u64) -> Self {
        let product = self.0.saturating_mul(i128::from(numerator));
        Self(ceil(product, i128::from(denominator)).unwrap_or_default())
    }

    /// As people write amounts of the resource: bytes by binary suffixes, everything else in decimals.
    pub fn readable(self, resource: &str) -> String {
        let bytes = matches!(resource, "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
        let whole = self.0 / 1000;
        if bytes {
            for (suffix, factor, _) in SUFFIXES.iter().take(6).rev() {
                if whole.abs() >= *factor {
                    return format!("{}{suffix}", decimal(whole * 1000 / factor));
                }
            }
        }
        decimal(self.0)
    }
}

/// Thousandths with as many decimals as are needed, two at most.
fn decimal(thousandths: i128) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let hundredths = thousandths.abs() / 10;
    if thousandths != 0 && hundredths == 0 {
        return format!("{sign}0.00{}", thousandths.abs());
    }
    let text = format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ceil(numerator: i128, denominator: i128) -> Option<i128> {
    if denominator == 0 {
        return None;
    }
    let quotient = numerator.div_euclid(denominator);
    Some(if numerator.rem_euclid(denominator) == 0 { quotient } else { quotient + 1 })
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        read(text).ok_or_else(|| ParseQuantityError { text: text.to_owned() })
    }
}

fn read(text: &str) -> Option<Quantity> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.len() > MOST_DIGITS || fraction.contains('.') {
        return None;
    }
    let (up, down) = match SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        Some((_, up, down)) => (*up, *down),
        None if suffix.is_empty() => (1, 1),
        None => exponent(suffix)?,
    };
    let mantissa: i128 = digits.parse().ok()?;
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let numerator = mantissa.checked_mul(up)?.checked_mul(1000)?;
    let amount = ceil(numerator, scale.checked_mul(down)?)?;
    Some(Quantity(if negative { -amount } else { amount }))
}

fn exponent(suffix: &str) -> Option<(i128, i128)> {
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let factor = 10_i128.checked_pow(power.unsigned_abs().min(30))?;
    Some(if power < 0 { (1, factor) } else { (factor, 1) })
}

impl fmt::Display for Quantity {
    /// `3` or `3500m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 1000 == 0 { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(serde_json::Number),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Number(number) => number.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_kubernetes_reads_them() {
        for (text, thousandths) in [
            ("1", 1000),
            ("250m", 250),
            ("1.5", 1500),
            (".5", 500),
            ("2.", 2000),
            ("4Ki", 4_096_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1e3", 1_000_000),
            ("1E-3", 1),
            ("1E", 1_000_000_000_000_000_000_000),
            ("100n", 1),
            ("-3", -3000),
            ("+3k", 3_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Quantity(thousandths)), "{text}");
        }
        for text in ["", "x", "1.2.3", "1 Gi", "Gi", "1kB", "--1", "1e", "99999999999999999999999999999999"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_as_people_write_them() {
        for (text, resource, shown) in [
            ("3500m", "cpu", "3.5"),
            ("1m", "cpu", "0.001"),
            ("12", "pods", "12"),
            ("4Gi", "memory", "4Gi"),
            ("1700Mi", "memory", "1.66Gi"),
            ("0", "memory", "0"),
            ("-1.5", "cpu", "-1.5"),
            ("4096", "requests", "4096"),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().readable(resource), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same(thousandths in -1_000_000_000_000_000_000_i128..1_000_000_000_000_000_000) {
            let amount = Quantity(thousandths);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }

        #[test]
        fn no_text_is_too_strange_to_be_refused(text in "[-+.0-9a-zA-Z]{0,12}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
