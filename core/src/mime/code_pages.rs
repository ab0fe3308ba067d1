//! The upper halves of single-byte charsets that neither the parser nor browsers have.
//!
//! Facts: written from the mappings of the Unicode Consortium (ftp.unicode.org/Public/MAPPINGS) and of
//! ISO-IR 99 (ANSI X3.110, NAPLPS). U+FFFD stands where a byte means nothing.

#![cfg_attr(rustfmt, rustfmt_skip)]

pub(super) const IBM437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

pub(super) const IBM737: &str = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀ωάέήϊίόύϋώΆΈΉΊΌΎΏ±≥≤ΪΫ÷≈°∙·√ⁿ²■\u{a0}";

pub(super) const IBM775: &str = "ĆüéāäģåćłēŖŗīŹÄÅÉæÆōöĢ¢ŚśÖÜø£Ø×¤ĀĪóŻżź”¦©®¬½¼Ł«»░▒▓│┤ĄČĘĖ╣║╗╝ĮŠ┐└┴┬├─┼ŲŪ╚╔╩╦╠═╬Žąčęėįšųūž┘┌█▄▌▐▀ÓßŌŃõÕµńĶķĻļņĒŅ’\u{ad}±“¾¶§÷„°∙·¹³²■\u{a0}";

pub(super) const IBM852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}";

pub(super) const IBM855: &str = "ђЂѓЃёЁєЄѕЅіІїЇјЈљЉњЊћЋќЌўЎџЏюЮъЪаАбБцЦдДеЕфФгГ«»░▒▓│┤хХиИ╣║╗╝йЙ┐└┴┬├─┼кК╚╔╩╦╠═╬¤лЛмМнНоОп┘┌█▄Пя▀ЯрРсСтТуУжЖвВьЬ№\u{ad}ыЫзЗшШэЭщЩчЧ§■\u{a0}";

pub(super) const IBM857: &str = "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ�ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ�×ÚÛÙìÿ¯´\u{ad}±�¾¶§÷¸°¨·¹³²■\u{a0}";

pub(super) const IBM858: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

pub(super) const IBM862: &str = "אבגדהוזחטיךכלםמןנסעףפץצקרשת¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

pub(super) const MAC_CE: &str = "ÄĀāÉĄÖÜáąČäčĆćéŹźĎíďĒēĖóėôöõúĚěü†°Ę£§•¶ß®©™ę¨≠ģĮįĪ≤≥īĶ∂∑łĻļĽľĹĺŅņŃ¬√ńŇ∆«»…\u{a0}ňŐÕőŌ–—“”‘’÷◊ōŔŕŘ‹›řŖŗŠ‚„šŚśÁŤťÍŽžŪÓÔūŮÚůŰűŲųÝýķŻŁżĢˇ";

/// ANSI X3.110 from 0xA0; 0xC1 to 0xCF are accents of the letter that follows.
pub(super) const ANSI_X3_110: &str = "�¡¢£$¥#§¤‘“«←↑→↓°±²³×µ¶·÷’”»¼½¾¿����������������—¹®©™♪─│╱╲◢◣⅛⅜⅝⅞ΩÆÐªĦ┼ĲĿŁØŒºÞŦŊŉĸæđðħıĳŀłøœßþŧŋ�";

/// For each accent its letters, and what they are with it; an accent before a space stands alone.
pub(super) const ANSI_X3_110_ACCENTED: [(u8, &str, &str); 13] = [
    (0xC1, "AEIOUaeiou", "ÀÈÌÒÙàèìòù"),
    (0xC2, " ACEILNORSUYZaceilnorsuyz", "´ÁĆÉÍĹŃÓŔŚÚÝŹáćéíĺńóŕśúýź"),
    (0xC3, "ACEGHIJOSUWYaceghijosuwy", "ÂĈÊĜĤÎĴÔŜÛŴŶâĉêĝĥîĵôŝûŵŷ"),
    (0xC4, "AINOUainou", "ÃĨÑÕŨãĩñõũ"),
    (0xC5, " AEIOUaeiou", "¯ĀĒĪŌŪāēīōū"),
    (0xC6, " AGUagu", "˘ĂĞŬăğŭ"),
    (0xC7, " CEGIZcegz", "˙ĊĖĠİŻċėġż"),
    (0xC8, " AEIOUYaeiouy", "¨ÄËÏÖÜŸäëïöüÿ"),
    (0xCA, " AUau", "˚ÅŮåů"),
    (0xCB, " CGKLNRSTcgklnrst", "¸ÇĢĶĻŅŖŞŢçģķļņŗşţ"),
    (0xCD, " OUou", "˝ŐŰőű"),
    (0xCE, " AEIUaeiu", "˛ĄĘĮŲąęįų"),
    (0xCF, " CDELNRSTZcdelnrstz", "ˇČĎĚĽŇŘŠŤŽčďěľňřšťž"),
];
