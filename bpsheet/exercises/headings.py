"""Which columns of a roster are names and ids, by the words with which schools head them.

The words are those of Moodle's and Canvas's exports, and common ones in English, German, French,
Spanish, Italian, Dutch, Portuguese and some Nordic languages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = [
    "CANVAS_IDS",
    "MOODLE_IDS",
    "Columns",
    "columns_of",
    "is_no_student",
    "plain",
    "with_id",
]

FULL = (
    "student", "student name", "name", "full name", "fullname", "display name", "name of student",
    "student full name", "learner", "participant", "vollstandiger name", "schuler", "schulerin",
    "studierende", "studierender", "nom complet", "etudiant", "nombre completo", "alumno",
    "estudiante", "nome completo", "volledige naam", "naam", "navn", "namn", "nimi",
)  # fmt: skip
FIRST = (
    "first name", "firstname", "given name", "given names", "forename", "forenames", "first",
    "vorname", "vornamen", "rufname", "prenom", "prenoms", "nombre", "nombres", "nome", "voornaam",
    "fornavn", "fornamn", "etunimi",
)  # fmt: skip
LAST = (
    "last name", "lastname", "surname", "family name", "familyname", "last", "nachname",
    "familienname", "zuname", "nom", "nom de famille", "apellido", "apellidos", "apellido s",
    "cognome", "sobrenome", "achternaam", "etternavn", "efternamn", "sukunimi",
)  # fmt: skip
# What Moodle calls the ID number, in the languages of its exports.
MOODLE_NUMBERS = (
    "id number", "id nummer", "numero d identification", "numero de id", "numero id",
    "numero de identificacion", "codice identificativo", "numero de identificacao",
)  # fmt: skip
# The numbers that schools give to their students, in some languages.
SCHOOL_NUMBERS = (
    "student id", "student id number", "student number", "student no", "matriculation number",
    "matriculation no", "enrolment number", "enrollment number", "registration number",
    # German
    "matrikelnummer", "matrikel nummer", "matrikel nr", "matrikelnr", "matrikel", "matr nr", "matrnr",
    "immatrikulationsnummer", "studierendennummer", "studentennummer", "schulernummer",
    "schuelernummer", "schuler nr", "schuler nummer", "kennnummer",
    # French
    "numero d etudiant", "numero etudiant", "numero de l etudiant", "n etudiant", "no etudiant",
    "n d etudiant", "no d etudiant", "code etudiant", "id etudiant", "numero d eleve", "numero eleve",
    "matricule", "numero matricule", "numero de matricule", "no matricule", "n matricule",
    "code permanent", "numero ine", "ine",
    # Spanish and Portuguese
    "matricula", "numero de matricula", "no de matricula", "n de matricula", "n o de matricula",
    "no matricula", "numero de estudiante", "codigo de estudiante", "codigo estudiantil",
    "id de estudiante", "id estudiante", "numero de alumno", "no de alumno", "codigo de alumno",
    "id de alumno", "id alumno", "numero de control", "no de control", "expediente",
    "numero de expediente", "no de expediente", "legajo", "numero de legajo", "carnet", "dni",
    "numero de estudante", "numero do estudante", "numero de aluno", "numero do aluno",
    "no de aluno", "no do aluno", "n de aluno", "n o de aluno", "codigo do aluno", "id do aluno",
    "numero mecanografico", "no mecanografico", "n mecanografico", "registro academico",
    "registo academico", "ra",
    # Italian
    "matricola", "numero di matricola", "numero matricola", "n di matricola", "n matricola",
    "no matricola", "codice studente", "codice matricola", "id studente",
    # Dutch
    "studentnummer", "student nummer", "studentnr", "student nr", "leerlingnummer",
    "leerling nummer", "leerlingnr", "leerling nr", "stamnummer", "rolnummer",
)  # fmt: skip
LOGINS = (
    "username", "user name", "login", "login id", "loginname", "benutzername", "anmeldename",
    "kennung", "nom d utilisateur", "identifiant", "nombre de usuario", "usuario", "nome utente",
    "gebruikersnaam", "nome de utilizador", "nome de usuario", "utilizador",
)  # fmt: skip
MAILS = (
    "email address", "email", "e mail", "e mail address", "mail", "e mail adresse", "email adresse",
    "emailadresse", "mailadresse", "adresse de courriel", "courriel", "adresse e mail",
    "adresse email", "adresse mail", "adresse electronique", "correo", "correo electronico",
    "direccion de correo", "direccion de correo electronico", "direccion email", "indirizzo email",
    "indirizzo e mail", "posta elettronica", "emailadres", "e mailadres", "e mail adres",
    "endereco de email", "endereco de e mail", "correio eletronico", "correio electronico",
)  # fmt: skip
# An id that people know stands before one that only a system knows.
IDS = (
    *MOODLE_NUMBERS, *SCHOOL_NUMBERS, "sis user id", "id", "number", "numero", "no", "nr", "nummer",
    "sis login id", *LOGINS, "integration id", "org defined id", "orgdefinedid", *MAILS,
    "identifier",
)  # fmt: skip
# What identifies a student, the surest first: for Moodle, and for Canvas, which has ids of its own.
MOODLE_IDS = (*MOODLE_NUMBERS, *LOGINS, *MAILS, *SCHOOL_NUMBERS, "id")
CANVAS_IDS = ("id", "sis user id", "sis login id")
# The column by which Canvas's exports are known, and the name of a student who is none.
SECTION, TEST_STUDENT = "section", ["student", "test"]


@dataclass(frozen=True)
class Columns:
    """The headings of a table, the indices of the columns of its names, and that of its ids.

    `ids` are all columns that may be ids, the likeliest first.
    """

    heads: tuple[str, ...]
    names: tuple[int, ...]
    ids: tuple[int, ...] = ()
    id: int | None = None

    @property
    def own(self) -> tuple[int, ...]:
        """The columns that the students' labels are made of."""
        return self.names if self.id is None else (*self.names, self.id)


def plain(text: str) -> str:
    """A heading without capitals, accents and signs.

    >>> plain("E-Mail-Adresse"), plain("Prénom ")
    ('e mail adresse', 'prenom')
    """
    parts = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(c if c.isalnum() else " " for c in parts if not unicodedata.combining(c))
    return " ".join(letters.split())


def columns_of(heads: Sequence[str]) -> Columns | None:
    """The columns of names and ids; None where no heading says that it is a name.

    >>> columns_of(["Nachname", "Vorname", "ID-Nummer"]).names
    (1, 0)
    """
    words = [plain(head) for head in heads]

    def place(known: Sequence[str]) -> int | None:
        return next((words.index(word) for word in known if word in words), None)

    full, first, last = place(FULL), place(FIRST), place(LAST)
    ids = tuple(words.index(word) for word in IDS if word in words)
    # Beside a first name, "Name" is the last name.
    last = full if last is None and first is not None and full is not None else last
    names = (first, last) if first is not None and last is not None else (full, last, first)
    found = [index for index in names if index is not None]
    if not found:
        return None
    if first is None or last is None:
        found = found[:1]
    return Columns(tuple(heads), tuple(found), ids)


def with_id(columns: Columns, rows: Sequence[Sequence[str]]) -> Columns:
    """The columns with an id: the first one that each row has, and no other row too.

    Where there is none, it is the first one that any row has.
    """

    def cells(index: int) -> list[str]:
        return [row[index] if index < len(row) else "" for row in rows]

    whole = (i for i in columns.ids if all(cells(i)) and len(set(cells(i))) == len(rows))
    some = (index for index in columns.ids if any(cells(index)))
    return replace(columns, id=next(whole, next(some, None)))


def is_no_student(columns: Columns, cells: Sequence[str]) -> bool:
    """Whether a row of Canvas's export is none of a student: points, settings, the test student.

    Rows of points and settings have neither ids nor a section, in whatever language they are.

    >>> canvas = columns_of(["Student", "ID", "SIS Login ID", "Section", "Sheet (7)"])
    >>> is_no_student(canvas, ["    Points Possible", "", "", "", "10"])
    True
    """
    heads = [plain(head) for head in columns.heads]
    if SECTION not in heads:
        return False
    words = plain(cells[columns.names[0]]).split() if columns.names[0] < len(cells) else []
    known = (*columns.ids, heads.index(SECTION))
    return sorted(words) == TEST_STUDENT or not any(cells[i] for i in known if i < len(cells))
