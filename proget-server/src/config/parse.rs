//! Texts with units: sizes and lengths of time. Whole numbers only, so that nothing is rounded.

use std::time::Duration;

const SIZES: &[(&str, u64)] =
    &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1), ("", 1)];

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// `4096`, `64KiB`, `16GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    with_unit(text, SIZES).ok_or_else(|| "expected bytes such as 4096, 64KiB, 1MiB or 16GiB".to_owned())
}

/// `500ms`, `10s`, `2m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    with_unit(text, TIMES)
        .map(Duration::from_millis)
        .ok_or_else(|| "expected a length of time such as 500ms, 10s, 2m or 1h".to_owned())
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_need_a_number_and_a_known_unit() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("16GiB"), Ok(16 << 30));
        assert_eq!(size("64 kib"), Ok(64 << 10));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "GiB", "1GB", "1.5GiB", "-1", "99999999999TiB", "1 2"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "10", "s", "10 parsecs"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
