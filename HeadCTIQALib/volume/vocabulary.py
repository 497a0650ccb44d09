"""Words that may be written down.

Descriptions, names of models and the like are free text in DICOM and hold names, dates, numbers, physicians and wards in
spellings that nobody can foresee.  So none of it is kept: only words that are known to say something about the image.
"""

from __future__ import annotations

import re


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_SERIES = _set(
    """
    abdomen abdominal acquisition add ang angio angiography anterior arterial artefact artifact asir auto average averaged avg ax axi axial
    axials base bolus bone bones brain bravo c-spine calvarium carotid cect cerebral cerebrum cervical chest clear cor coronal coronals cow
    craniocaudal cranial cranium cta ct ctp ctv cuts data dental derived detail dicom direct dlir dose dual dynamic ear early edge
    ellipsoids emergency energy enhanced extremity face facial fast fine flash fossa fov full gantry gsi h head headneck heads helical helix
    hr hrct high idose images imr inf inferior infarct inner iodine iqon ir iterative iv keel knochen kontrast kopf kv km large late lateral
    left level low lung mar maxillofacial mbir medium metal mid minip mip mono monoenergetic monitoring mpr mpv myelo nativ native nativo
    ncct neck neonatal nect neuro noncon noncontrast non norm normal oblique ohne orbit orbita orbits orig original osseous paediatric
    paranasal parallel pediatric pelvis perfusion petrous phase plain portal post posterior pre prefix premonitoring projection protocol
    quick radial raw recon reconstruction reform reformat reformatted reformats right rotation routine sag sagittal sagittals safire scan
    schaedel scout sella seq sequence sequential series sharp shoulder simulated sinus sinuses skull slab slice slices slow small smooth
    soft spect spectral spine spiral standard std stealth stereotactic stereotaxis stnd stroke sub sup superior supine surview temporal
    thick thickness thin thins thorax tilt tilted tissue tomogram topogram tra trans transverse trauma tumor tumour ultra unenhanced
    vascular w/o +c c+ venogram venous vertex virtual vnc volume volumetric vrt window with without w wo
    hoofd cabeza cerveau crane tete encefalo cranio hirn schadel testa cerebro axiales coronales sagitales sans avec mit sin con senza contraste
    contrasto contrast weichteil weichteile hart hueso osso os mou dur
    """
)
_BODY = _set(
    """
    HEAD BRAIN SKULL NECK HEADNECK FACE ORBIT ORBITS SINUS SINUSES EAR JAW MANDIBLE MAXILLA CRANIUM CHEST THORAX ABDOMEN PELVIS LUNG HEART
    SPINE CSPINE TSPINE LSPINE CERVICAL THORACIC LUMBAR EXTREMITY KNEE HIP SHOULDER ANKLE WRIST HAND FOOT ELBOW LEG ARM WHOLEBODY KOPF
    SCHAEDEL HIRN CEREBRUM CEREBRAL TETE CRANE CABEZA TESTA CAROTID CIRCLE WILLIS TEMPORAL BONE IAC PITUITARY SELLA AND TO HALS
    """
)
_VENDORS = _set(
    """
    GE SIEMENS PHILIPS TOSHIBA CANON HITACHI FUJIFILM NEUSOFT NEUROLOGICA SAMSUNG UIH SINOVISION MINFOUND ANKE CARESTREAM PLANMED PLANMECA
    ELSCINT PICKER MARCONI SHIMADZU IMATRON MEDISO XORAN EPICA ARINETA HEADCTIQA SIMULATED ELEKTA VARIAN ACCURAY MEDTRONIC BRAINLAB
    """
)
_COMPANY = _set(
    "MEDICAL SYSTEMS SYSTEM HEALTHCARE HEALTHINEERS HEALTH CORPORATION CORP INC LTD GMBH AG CO MEC UNITED IMAGING MEDIZIN"
)
_MODELS = _set(
    """
    ACTS LIGHTSPEED VCT REVOLUTION APEX EVO EVOLUTION FRONTIER MAXIMA ASCEND HISPEED DUAL PROSPEED HILIGHT GENESIS DISCOVERY HD GSI OPTIMA
    BRIGHTSPEED CT750 CT660 CT680 CT670 CT580 CT590 CT540 CT520 CT8800 CT9800 ELITE ADVANCE SELECT EXPERT RT ULTRA PLUS PRO QX QXI NXI LX FX
    XTE XL ES STE ST RX MI IQ CT MAX PET
    SOMATOM DEFINITION FLASH EDGE AS AS+ FORCE DRIVE GO UP NOW ALL TOP SIM OPEN CITE X SENSATION EMOTION PERSPECTIVE SCOPE SPIRIT
    CONFIDENCE VOLUME ZOOM PLUS4 HIQ NAEOTOM ALPHA BIOGRAPH VISION HORIZON SYMBIA INTEVO BALANCE ESPRIT AR STAR SMART DUO CARDIAC ON.SITE SITE
    INGENUITY BRILLIANCE ICT SP TF IQON SPECTRAL INCISIVE ACCESS MX MX8000 MX16 BIG BORE GEMINI AURA VEREOS TUFLIGHT CORE CORE128 ELITE
    FLEX IDT TOMOSCAN SECURA PQ AVEU ULTRAZ
    AQUILION ONE PRIME LIGHTNING CXL LB PRECISION SERVE INSIGHT START VISION ASTEION ASTELION ALEXION ACTIVION AUKLET XVISION XPRESS TSX
    SCENARIA SUPRIA ECLOS PRESTO PRATICO ROBUSTO VIEW GRANDE FCT SPEEDIA NEUVIZ GLORY EPOCH UCT CERETOM BODYTOM OMNITOM EL
    ELLIPSOIDS HEADS SIMULATED GE SIEMENS PHILIPS TOSHIBA CANON HEAD PHANTOM
    """
)
_MODEL_NUMBERS = _set(
    """
    1 2 3 4 5 6 8 10 12 16 20 24 32 40 50 60 64 80 85 90 100 120 128 160 256 320 384 500 510 512 520 530 550 560 600 610 640 650 660 680 690
    710 750 760 780 860 960 980 6000 8000
    """
)
_WORD = re.compile(
    r"w/o\b|\+c\b|\bc\+|(?<![\d.,])\d{1,2}(?:[.,]\d{1,3})?\s?mm\b|[^\W\d_]+(?:-[^\W\d_]+)?", re.IGNORECASE
)
_MAX_WORDS = 12


def words(text: str | None) -> str:
    """The known words of a description in their order, and thicknesses in mm; empty when there are none."""
    tokens = _WORD.findall(text or "")
    kept = [part for token in tokens for part in ([token] if _known(token) else token.split("-")) if _known(part)]
    return " ".join(list(dict.fromkeys(kept))[:_MAX_WORDS])


def _known(token: str) -> bool:
    return token[:1].isdigit() or token.lower() in _SERIES


def body_part(text: str | None) -> str | None:
    """The known words of BodyPartExamined, in capitals."""
    return " ".join(dict.fromkeys(w for w in re.findall(r"[A-Z]+", (text or "").upper()) if w in _BODY)) or None


def manufacturer(text: str | None) -> str | None:
    """The vendor in its own spelling; ``other`` for one that is not known, None when absent."""
    if not text:
        return None
    kept = [w for w in re.findall(r"[A-Za-z]+", text) if w.upper() in _VENDORS | _COMPANY]
    return " ".join(kept[:6]) if {w.upper() for w in kept} & (_VENDORS | {"UNITED"}) else "other"


def model(text: str | None) -> str | None:
    """The scanner in its vendor's spelling, as far as its words are known; ``other`` when none is, None when absent."""
    if not text:
        return None
    kept = [w for w in re.split(r"[\s_/,;:()\\-]+", text) if w.upper() in _MODELS or w in _MODEL_NUMBERS or _go_line(w)]
    return " ".join(kept[:6]) if any(w.upper() in _MODELS or _go_line(w) for w in kept) else "other"


def _go_line(word: str) -> bool:
    """``go.Up`` and ``X.cite``, whose point belongs to the name."""
    return "." in word and all(part.upper() in _MODELS for part in word.split("."))
