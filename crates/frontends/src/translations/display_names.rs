//! Names of languages, in English and in the language itself, from the Unicode CLDR: those of JupyterLab's packs.

/// (locale, English name, own name)
const NAMES: &[(&str, &str, &str)] = &[
    ("en", "English", "English"),
    ("ach_UG", "Pseudo-language", "to translate the UI"),
    ("no_NO", "Norwegian (Norway)", "Norsk (Norge)"),
    (
        "ar_SA",
        "Arabic (Saudi Arabia)",
        "العربية (المملكة العربية السعودية)",
    ),
    ("ca_ES", "Catalan (Spain)", "Català (Espanya)"),
    ("cs_CZ", "Czech (Czechia)", "Čeština (Česko)"),
    ("da_DK", "Danish (Denmark)", "Dansk (Danmark)"),
    ("de_DE", "German (Germany)", "Deutsch (Deutschland)"),
    ("el_GR", "Greek (Greece)", "Ελληνικά (Ελλάδα)"),
    ("es_ES", "Spanish (Spain)", "Español (España)"),
    ("et_EE", "Estonian (Estonia)", "Eesti (Eesti)"),
    ("eu_ES", "Basque (Spain)", "Euskara (Espainia)"),
    ("fa_IR", "Persian (Iran)", "فارسی (ایران)"),
    ("fi_FI", "Finnish (Finland)", "Suomi (Suomi)"),
    ("fr_FR", "French (France)", "Français (France)"),
    ("he_IL", "Hebrew (Israel)", "עברית (ישראל)"),
    ("hi_IN", "Hindi (India)", "हिन्दी (भारत)"),
    ("hr_HR", "Croatian (Croatia)", "Hrvatski (Hrvatska)"),
    ("hu_HU", "Hungarian (Hungary)", "Magyar (Magyarország)"),
    ("hy_AM", "Armenian (Armenia)", "Հայերեն (Հայաստան)"),
    ("id_ID", "Indonesian (Indonesia)", "Indonesia (Indonesia)"),
    ("it_IT", "Italian (Italy)", "Italiano (Italia)"),
    ("ja_JP", "Japanese (Japan)", "日本語 (日本)"),
    ("ka_GE", "Georgian (Georgia)", "Ქართული (საქართველო)"),
    ("ko_KR", "Korean (South Korea)", "한국어 (대한민국)"),
    ("lt_LT", "Lithuanian (Lithuania)", "Lietuvių (Lietuva)"),
    ("lv_LV", "Latvian (Latvia)", "Latviešu (Latvija)"),
    ("nb_NO", "Norwegian Bokmål (Norway)", "Norsk bokmål (Norge)"),
    ("nl_NL", "Dutch (Netherlands)", "Nederlands (Nederland)"),
    ("nn_NO", "Norwegian Nynorsk (Norway)", "Norsk nynorsk (Noreg)"),
    ("pl_PL", "Polish (Poland)", "Polski (Polska)"),
    ("pt_BR", "Portuguese (Brazil)", "Português (Brasil)"),
    ("pt_PT", "Portuguese (Portugal)", "Português (Portugal)"),
    ("ro_RO", "Romanian (Romania)", "Română (România)"),
    ("ru_RU", "Russian (Russia)", "Русский (Россия)"),
    ("si_LK", "Sinhala (Sri Lanka)", "සිංහල (ශ්‍රී ලංකාව)"),
    ("sk_SK", "Slovak (Slovakia)", "Slovenčina (Slovensko)"),
    ("sl_SI", "Slovenian (Slovenia)", "Slovenščina (Slovenija)"),
    ("sr_RS", "Serbian (Cyrillic, Serbia)", "Српски (ћирилица, Србија)"),
    ("sv_SE", "Swedish (Sweden)", "Svenska (Sverige)"),
    ("th_TH", "Thai (Thailand)", "ไทย (ไทย)"),
    ("tr_TR", "Turkish (Türkiye)", "Türkçe (Türkiye)"),
    ("uk_UA", "Ukrainian (Ukraine)", "Українська (Україна)"),
    ("vi_VN", "Vietnamese (Vietnam)", "Tiếng Việt (Việt Nam)"),
    ("zh_CN", "Chinese (Simplified, China)", "中文 (简体, 中国)"),
    ("zh_TW", "Chinese (Traditional, Taiwan)", "中文 (繁體, 台灣)"),
];

/// What a language is called in English and in itself; an unknown one is called by its code.
pub(super) fn of(locale: &str) -> (&str, &str) {
    let known = NAMES.iter().find(|(code, _, _)| *code == locale);
    known.map_or((locale, locale), |(_, english, own)| (english, own))
}
