//! Which form of the index a client wants: <https://peps.python.org/pep-0691/#version-format-selection>.
//!
//! Of the forms that a client names, the one with the greatest weight is sent. Where weights are
//! the same, one that is named beats a wild card, and JSON beats HTML if both are named; a client
//! that takes anything gets what clients knew first, HTML.

/// A form of the simple index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON, version 1.
    Json,
    /// HTML, version 1.
    Html,
    /// HTML for those who know of no versions.
    PlainHtml,
}

impl Form {
    const ALL: [Self; 3] = [Self::Json, Self::Html, Self::PlainHtml];

    /// Its media type, without parameters.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Html => "application/vnd.pypi.simple.v1+html",
            Self::PlainHtml => "text/html",
        }
    }

    /// What its answers are headed with.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::Html => self.media_type(),
            Self::PlainHtml => "text/html; charset=utf-8",
        }
    }

    /// How well a media range names it: 3 by its name, 2 and 1 by a wild card.
    fn named_by(self, range: &str) -> u8 {
        let exact = match self {
            Self::Json => [self.media_type(), "application/vnd.pypi.simple.latest+json"],
            Self::Html => [self.media_type(), "application/vnd.pypi.simple.latest+html"],
            Self::PlainHtml => [self.media_type(); 2],
        };
        let family = self.media_type().split('/').next().unwrap_or_default();
        match range {
            _ if exact.iter().any(|name| range.eq_ignore_ascii_case(name)) => 3,
            "*/*" => 1,
            _ if range.strip_suffix("/*").is_some_and(|wanted| wanted.eq_ignore_ascii_case(family)) => 2,
            _ => 0,
        }
    }
}

/// The form to send for the values of all `Accept` headers; `None` if none of them is wanted.
#[must_use]
pub fn wanted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Option<Form> {
    let ranges: Vec<(&str, u16)> =
        accept.into_iter().flat_map(|line| line.split(',')).filter_map(weighted).collect();
    if ranges.is_empty() {
        return Some(Form::PlainHtml);
    }
    let rated = Form::ALL.into_iter().enumerate().filter_map(|(place, form)| {
        // The range that names it best says how much it is wanted.
        let named = ranges.iter().map(|(range, weight)| (form.named_by(range), *weight));
        let (named, weight) = named.max_by_key(|(named, _)| *named).filter(|(named, _)| *named > 0)?;
        // By name JSON first, by wild card plain HTML first.
        let place = if named == 3 { Form::ALL.len() - place } else { place };
        (weight > 0).then_some(((weight, named, place), form))
    });
    rated.max_by_key(|(rating, _)| *rating).map(|(_, form)| form)
}

/// A media range and its weight in thousandths; nothing for what is empty.
fn weighted(one: &str) -> Option<(&str, u16)> {
    let mut parts = one.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0));
    // Not a number counts as not wanted.
    Some((range, (weight.clamp(0.0, 1.0) * 1000.0) as u16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_client_gets_the_form_it_likes_best() {
        let json = "application/vnd.pypi.simple.v1+json";
        for (accept, form) in [
            ("", Some(Form::PlainHtml)),
            ("*/*", Some(Form::PlainHtml)),
            ("text/html", Some(Form::PlainHtml)),
            (json, Some(Form::Json)),
            ("APPLICATION/vnd.pypi.simple.v1+JSON", Some(Form::Json)),
            ("application/vnd.pypi.simple.latest+json", Some(Form::Json)),
            ("application/vnd.pypi.simple.v1+html", Some(Form::Html)),
            (
                "text/html, application/vnd.pypi.simple.v1+html, application/vnd.pypi.simple.v1+json",
                Some(Form::Json),
            ),
            (
                "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
                Some(Form::Json),
            ),
            ("application/vnd.pypi.simple.v1+json;q=0.1, text/html", Some(Form::PlainHtml)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(Form::PlainHtml)),
            ("application/*", Some(Form::Html)),
            ("application/vnd.pypi.simple.v1+json;q=0.5, */*;q=0.5", Some(Form::Json)),
            ("*/*, application/vnd.pypi.simple.v1+json;q=0, text/html;q=0", Some(Form::Html)),
            ("application/json", None),
            ("application/vnd.pypi.simple.v2+json", None),
            ("text/html;q=0", None),
            ("text/html;q=NaN", None),
        ] {
            assert_eq!(wanted([accept]), form, "{accept}");
        }
        assert_eq!(wanted(["text/html;q=0.1", json]), Some(Form::Json));
        assert_eq!(wanted([]), Some(Form::PlainHtml));
    }

    proptest! {
        #[test]
        fn any_header_is_understood_or_passed_over(accept in "[ -~]{0,60}") {
            let _ = wanted([accept.as_str()]);
        }
    }
}
