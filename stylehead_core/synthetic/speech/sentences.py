"""Sentences of the synthetic voices: small grammars in several languages.

A sentence consists of one phrase per slot, in order. The phrases of a language contain all its usual phonemes. The last
phrases of every slot are reserved for the test set, which so shares no phrase with the training set.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["GRAMMARS", "HELD_OUT", "HELD_OUT_PHRASES", "Grammar", "is_held_out", "nonsense", "sentence"]

HELD_OUT = 900_000  # first seed of the test set
HELD_OUT_PHRASES = 3  # phrases per slot that are reserved for the test set


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """Sentences of one language."""

    voices: tuple[str, ...]  # of espeak-ng, for this language
    slots: tuple[tuple[str, ...], ...]
    space: str = " "  # between the phrases
    stop: str = "."


GRAMMARS: tuple[Grammar, ...] = (
    Grammar(
        voices=("en-us", "en", "en-gb-scotland", "en-gb-x-rp"),
        slots=(
            (
                *("The old baker", "My youngest cousin", "A very quiet judge", "Every second sailor"),
                *("Our music teacher", "Some foolish puppy", "Both of the painters", "Nobody in the village"),
                *(
                    "The girl with the yellow shoes",
                    "Your favourite poet",
                    "One of those five farmers",
                    "Her uncle Boris",
                ),
                *("The goalkeeper", "Somebody's father", "Each of my neighbours"),
            ),
            (
                *("folded", "would never move", "has already found", "wants to borrow", "threw away", "is looking for"),
                *("could easily measure", "boiled", "quickly jumped over", "paid too much for", "will paint"),
                *("shook", "brought back", "may have hidden", "peeled"),
            ),
            (
                *("five paper maps", "the huge blue vase", "a bowl of warm soup", "their broken azure bicycle"),
                *(
                    "the biggest apple pie",
                    "an empty wooden box",
                    "both of my woollen gloves",
                    "a pair of fresh oranges",
                ),
                *("this thick book about ships", "those noisy parrots", "a measure of flour", "the mayor's umbrella"),
                *("an unusual teapot", "his job", "a box of purple beads"),
            ),
            (
                *("by the river.", "before the bells rang.", "while we were away.", "on a foggy morning."),
                *("behind the theatre.", "for no good reason.", "after the wedding, of course.", "again and again."),
                *("in the middle of June.", "with a charming smile.", "near the new museum.", "and went home."),
                *("without a word.", "under the bridge.", "at half past four."),
            ),
        ),
        stop="",
    ),
    Grammar(
        voices=("de",),
        slots=(
            (
                *("Der müde Bäcker", "Meine jüngste Cousine", "Ein höflicher Nachbar", "Jeder zweite Matrose"),
                *("Unsere Ärztin", "Die Frau mit dem gelben Schirm", "Der Wirt vom Goldenen Pflug", "Das ganze Dorf"),
                *("Mein Onkel Jochen", "Die neue Pförtnerin", "Keiner der fünf Maler", "Ein fröhliches Mädchen"),
                *("Der Bürgermeister", "Frau Quast", "Ein kluger Fuchs"),
            ),
            (
                *("sucht seit gestern", "verkauft", "öffnet ganz langsam", "vergisst immer wieder", "zeichnet"),
                *("möchte gern", "bewundert", "putzt jeden Montag", "zählt", "bringt uns", "mag überhaupt nicht"),
                *("beschreibt", "hört", "kauft", "verschenkt"),
            ),
            (
                *("fünf alte Landkarten", "die große blaue Vase", "einen Topf Pflaumenmus", "das kaputte Fahrrad"),
                *("zwölf schöne Äpfel", "ein dickes Buch über Schiffe", "jungen Käse", "die lauten Papageien"),
                *("frische Brötchen", "den gefüllten Zuckertopf", "etwas Obst und Gemüse", "einen weichen Pullover"),
                *("das Geräusch", "ein paar bunte Knöpfe", "ihre Mütze"),
            ),
            (
                *("am Fluss", "bei Nebel und Regen", "vor dem Frühstück", "ohne ein Wort", "hinter der Kirche"),
                *("im Juli", "mit viel Vergnügen", "auf dem Dachboden", "zum halben Preis", "kurz nach Mitternacht"),
                *("wie im Märchen", "und geht nach Hause"),
                *("unter der Brücke", "um halb vier", "auf dem Weihnachtsmarkt"),
            ),
        ),
    ),
    Grammar(
        voices=("fr", "fr-be", "fr-ch"),
        slots=(
            (
                *("Le vieux boulanger", "Ma plus jeune cousine", "Un juge très calme", "Chaque matin, le marin"),
                *("Notre professeur de musique", "La voisine du dessous", "Un petit chien brun", "Mon oncle Jules"),
                *("Personne au village", "La femme aux gants jaunes", "Le peintre de l'église", "Une fille heureuse"),
                *("Le gardien du phare", "Madame Dubois", "Un pompier"),
            ),
            (
                *("cherche depuis hier", "plie", "ne veut jamais vendre", "a oublié", "regarde longuement", "apporte"),
                *("voudrait peindre", "admire", "a perdu", "prépare", "achète toujours", "partage volontiers"),
                *("emprunte", "dessine", "a trouvé"),
            ),
            (
                *("cinq vieilles cartes", "le grand vase bleu", "une soupe aux champignons", "un vélo rouillé"),
                *(
                    "deux pommes bien mûres",
                    "un gros livre sur les navires",
                    "du beurre et du pain",
                    "trois œufs frais",
                ),
                *("une boîte vide", "les perroquets bruyants", "un joli manteau de laine", "quelque chose d'unique"),
                *("un bouquet de jonquilles", "son chapeau", "quatre feuilles"),
            ),
            (
                *("au bord du fleuve", "avant le déjeuner", "sans un mot", "derrière le théâtre", "au mois de juin"),
                *("sous la pluie", "avec beaucoup de plaisir", "pour moins de vingt euros", "près du nouveau musée"),
                *("un peu plus loin", "encore et encore", "dans le jardin"),
                *("sous le pont", "à huit heures", "en chantant"),
            ),
        ),
    ),
    Grammar(
        voices=("es", "es-419"),
        slots=(
            (
                *("El viejo panadero", "Mi prima más joven", "Un juez muy tranquilo", "Cada marinero"),
                *("Nuestra profesora", "El perro de la vecina", "La mujer del paraguas", "Nadie en el pueblo"),
                *("Mi tío Guillermo", "Un pintor famoso", "La niña de los zapatos amarillos", "El jefe de la oficina"),
                *("El portero", "Una pareja feliz", "Don Vicente"),
            ),
            (
                *("busca desde ayer", "dobla", "nunca quiso vender", "ha olvidado", "mira despacio", "lleva"),
                *("quiere pintar", "admira", "perdió", "prepara", "compra siempre", "comparte"),
                *("encontró", "dibuja", "pide"),
            ),
            (
                *("cinco mapas viejos", "el gran jarrón azul", "una sopa de hongos", "la bicicleta rota"),
                *("dos manzanas maduras", "un libro sobre barcos", "pan con mantequilla", "tres huevos frescos"),
                *("una caja vacía", "los loros ruidosos", "un bonito abrigo de lana", "algo muy extraño"),
                *("un ramo de flores", "su sombrero", "cuatro hojas"),
            ),
            (
                *("junto al río", "antes del desayuno", "sin decir palabra", "detrás del teatro", "en el mes de junio"),
                *("bajo la lluvia", "con mucho gusto", "por muy poco dinero", "cerca del museo nuevo"),
                *("un poco más lejos", "una y otra vez", "en el jardín"),
                *("bajo el puente", "a las ocho", "mientras llueve"),
            ),
        ),
    ),
    Grammar(
        voices=("it",),
        slots=(
            (
                *("Il vecchio fornaio", "La mia cugina più giovane", "Un giudice tranquillo", "Ogni marinaio"),
                *("La nostra maestra", "Il cane della vicina", "La donna con l'ombrello", "Nessuno in paese"),
                *("Mio zio Giacomo", "Un pittore famoso", "La bambina bionda", "Il capo dell'ufficio"),
                *("Il portiere", "Una coppia felice", "Il signor Fabbri"),
            ),
            (
                *("cerca da ieri", "piega", "non vuole vendere", "ha dimenticato", "guarda piano piano", "porta"),
                *("vorrebbe dipingere", "ammira", "ha perso", "prepara", "compra sempre", "divide volentieri"),
                *("trova", "disegna", "chiede"),
            ),
            (
                *("cinque vecchie mappe", "il grande vaso azzurro", "una zuppa di funghi", "la bicicletta rotta"),
                *("due mele mature", "un libro sulle navi", "pane e burro", "tre uova fresche", "una scatola vuota"),
                *("i pappagalli rumorosi", "un bel cappotto di lana", "qualcosa di strano"),
                *("un mazzo di fiori", "il suo cappello", "quattro foglie"),
            ),
            (
                *(
                    "vicino al fiume",
                    "prima di colazione",
                    "senza una parola",
                    "dietro il teatro",
                    "nel mese di giugno",
                ),
                *("sotto la pioggia", "con molto piacere", "per pochi soldi", "davanti al museo", "un po' più lontano"),
                *("ancora una volta", "in giardino"),
                *("sotto il ponte", "alle otto", "e poi se ne va"),
            ),
        ),
    ),
    Grammar(
        voices=("ru",),
        slots=(
            (
                *("Старый пекарь", "Моя младшая сестра", "Очень тихий судья", "Каждый второй матрос"),
                *("Наша учительница", "Собака соседа", "Женщина в жёлтых туфлях", "Весь наш посёлок"),
                *("Мой дядя Фёдор", "Известный художник", "Девочка с мячом", "Новый начальник"),
                *("Вратарь", "Бабушка Вера", "Хозяин дома"),
            ),
            (
                *("опять ищет", "не хочет продавать", "вчера забыл", "медленно открывает", "любит", "рисует"),
                *("всегда покупает", "приносит", "хвалит", "готовит", "очень бережёт", "выбирает"),
                *("нашёл", "описывает", "просит"),
            ),
            (
                *("пять старых карт", "большую синюю вазу", "грибной суп", "сломанный велосипед", "два спелых яблока"),
                *("толстую книгу о кораблях", "хлеб с маслом", "три свежих яйца", "пустую коробку", "шумных попугаев"),
                *("тёплое пальто", "что-то необычное"),
                *("букет цветов", "свою шляпу", "борщ"),
            ),
            (
                *("у реки", "перед завтраком", "без единого слова", "за театром", "в июне", "под дождём"),
                *("с большой радостью", "почти даром", "возле музея", "ещё раз", "в саду", "и уходит домой"),
                *("под мостом", "в четыре часа", "на площади"),
            ),
        ),
    ),
    Grammar(
        voices=("tr",),
        slots=(
            (
                *(
                    "Yaşlı fırıncı",
                    "En küçük kuzenim",
                    "Çok sakin bir hakim",
                    "Her ikinci denizci",
                    "Müzik öğretmenimiz",
                ),
                *("Komşunun köpeği", "Sarı ayakkabılı kadın", "Köyde herkes", "Amcam Ömer", "Ünlü bir ressam"),
                *("Mutlu bir çocuk", "Yeni müdür"),
                *("Kaleci", "Büyükannem", "Bir avcı"),
            ),
            (
                *("nehrin yanında", "kahvaltıdan önce", "tek kelime etmeden", "tiyatronun arkasında", "haziran ayında"),
                *("yağmurun altında", "büyük bir zevkle", "çok ucuza", "müzenin önünde", "bir kere daha", "bahçede"),
                *("biraz uzakta", "köprünün altında", "saat dörtte", "meydanda"),
            ),
            (
                *("beş eski harita", "büyük mavi vazoyu", "mantar çorbasını", "bozuk bisikleti", "iki olgun elma"),
                *("gemiler üzerine bir kitap", "tereyağlı ekmek", "üç taze yumurta", "boş bir kutu", "papağanları"),
                *("yünlü bir palto", "garip bir şey"),
                *("bir demet çiçek", "şapkasını", "pamuk ipliği"),
            ),
            (
                *("arıyor", "satmak istemiyor", "unuttu", "yavaşça açıyor", "seviyor", "çiziyor", "hep alıyor"),
                *("getiriyor", "övüyor", "hazırlıyor", "paylaşıyor", "seçiyor", "buldu", "anlatıyor", "bekliyor"),
            ),
        ),
    ),
    Grammar(
        voices=("cmn",),
        slots=(
            (
                *("我的表妹", "老面包师", "一位安静的法官", "我们的音乐老师", "邻居的小狗", "穿黄鞋的女人", "村里的人"),
                *("王叔叔", "那个画家", "快乐的孩子", "新来的经理", "我朋友", "守门员", "奶奶", "两个学生"),
            ),
            (
                *("昨天", "每天早上", "在河边", "吃早饭以前", "在剧院后面", "六月份", "下雨的时候", "非常高兴地"),
                *("在博物馆门口", "又一次", "在花园里", "慢慢地", "在桥下面", "四点半", "周末"),
            ),
            (
                *(
                    "找到了",
                    "不想卖",
                    "忘记了",
                    "打开了",
                    "喜欢",
                    "画着",
                    "买了",
                    "带来了",
                    "夸奖",
                    "准备好",
                    "分享",
                    "选择",
                ),
                *("发现了", "看见", "要了"),
            ),
            (
                *("五张旧地图", "蓝色的大花瓶", "蘑菇汤", "坏了的自行车", "两个熟苹果", "一本关于船的书", "面包和黄油"),
                *(
                    "三个新鲜的鸡蛋",
                    "一个空盒子",
                    "吵闹的鹦鹉",
                    "羊毛大衣",
                    "很奇怪的东西",
                    "一束花",
                    "他的帽子",
                    "葡萄",
                ),
            ),
        ),
        space="",
        stop="。",
    ),
    Grammar(
        voices=("ja",),
        slots=(
            (
                *(
                    "ふるい パンやさんは",
                    "わたしの いとこは",
                    "しずかな ひとは",
                    "おんがくの せんせいは",
                    "となりの いぬは",
                ),
                *(
                    "きいろい くつの おんなのひとは",
                    "むらの みんなは",
                    "おじさんは",
                    "ゆうめいな がかは",
                    "げんきな こどもは",
                ),
                *("あたらしい ぶちょうは", "ともだちは", "おばあさんは", "ふたりの がくせいは", "かんとくは"),
            ),
            (
                *("きのう", "まいあさ", "かわの そばで", "ごはんの まえに", "げきじょうの うしろで", "ろくがつに"),
                *("あめの なかで", "うれしそうに", "びじゅつかんで", "もういちど", "にわで", "ゆっくり"),
                *("はしの したで", "よじはんに", "しゅうまつに"),
            ),
            (
                *(
                    "ごまいの ちずを",
                    "おおきな あおい かびんを",
                    "きのこの スープを",
                    "こわれた じてんしゃを",
                    "りんごを",
                ),
                *("ふねの ほんを", "バターと パンを", "たまごを みっつ", "からの はこを", "うるさい おうむを"),
                *("けいとの コートを", "ふしぎな ものを", "はなたばを", "ぼうしを", "ぶどうを"),
            ),
            (
                *("さがしました", "うりたくない", "わすれました", "あけています", "すきです", "かきました", "かいます"),
                *(
                    "もってきた",
                    "ほめました",
                    "つくります",
                    "わけました",
                    "えらびました",
                    "みつけた",
                    "みました",
                    "たのんだ",
                ),
            ),
        ),
        stop="。",
    ),
)


def is_held_out(seed: int) -> bool:
    return seed >= HELD_OUT


def sentence(grammar: Grammar, seed: int, rng: np.random.Generator) -> str:
    """Sample a sentence of ``grammar`` from the phrases of the seed's set (training or test)."""
    held_out = is_held_out(seed)
    phrases = [slot[-HELD_OUT_PHRASES:] if held_out else slot[:-HELD_OUT_PHRASES] for slot in grammar.slots]
    return grammar.space.join(slot[rng.integers(len(slot))] for slot in phrases) + grammar.stop


def nonsense(grammar: Grammar, rng: np.random.Generator) -> str:
    """Sample pseudo-words: the beginning of one word and the end of another, from the training phrases."""
    phrases = " ".join(phrase for slot in grammar.slots for phrase in slot[:-HELD_OUT_PHRASES])
    words = phrases.replace(",", "").replace(".", "").split()
    made = []
    for _ in range(rng.integers(4, 11)):
        one, other = words[rng.integers(len(words))], words[rng.integers(len(words))]
        made.append(one[: rng.integers(1, len(one) + 1)] + other[rng.integers(len(other)) :])
    return grammar.space.join(made) + (grammar.stop or ".")
