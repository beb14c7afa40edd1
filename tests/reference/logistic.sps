* What PSPP prints with the default limits of LOGISTIC REGRESSION, for tests/test_logistic.py.
* Run in this folder: pspp -O format=csv -o logistic_pspp.csv logistic.sps   (Debian: pspp; made with 1.6.2).
SET FORMAT=F20.12.
GET DATA /TYPE=TXT /FILE='logistic_birthwt.csv' /DELIMITERS=',' /FIRSTCASE=2
  /VARIABLES=low F1 smoke F1 ht F1 ui F1 ptl F1 lwt F3 race A5.
ECHO 'birthwt smoke ht lwt'.
LOGISTIC REGRESSION low WITH smoke ht lwt /PRINT=CI(95).
GET DATA /TYPE=TXT /FILE='logistic_separated.csv' /DELIMITERS=',' /FIRSTCASE=2
  /VARIABLES=cement F1 late F1 weak F1 failed F1.
* No separation, but few events: PSPP stops at its second step, which has overshot, unless LCON lets it go on.
ECHO 'separated late weak'.
LOGISTIC REGRESSION failed WITH late weak /CRITERIA=LCON(-1).
* Quasi-complete separation, default limits: PSPP stops after two steps, SPSS after twenty.
ECHO 'separated cement late weak'.
LOGISTIC REGRESSION failed WITH cement late weak.
