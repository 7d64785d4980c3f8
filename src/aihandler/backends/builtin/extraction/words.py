"""The words under which documents and schemas name things: English, German, French. Data only."""

from aihandler.backends.builtin.extraction.lists import phrase_set, word_set

# What stands before a value on the page. Phrases are matched by their words, in any case and
# without accents; the longest wins. `skip_*` phrases are there to be passed over.
LABELS: dict[str, str] = {
    "total": "grand total; total; total amount; invoice total; invoice amount; total invoice; "
    "total incl vat; total inc vat; total including vat; total incl tax; total including tax; "
    "total inc tax; total inc gst; total incl gst; total including gst; order total; "
    "total price; total gross; gross total; gross amount; total cost; total charges; "
    "total credit; credit total; total refund; amount credited; receipt total; gross; "
    "gesamtbetrag; gesamtsumme; rechnungsbetrag; endbetrag; gesamt; summe; summe brutto; brutto; "
    "gesamt brutto; bruttobetrag; gesamtbetrag brutto; rechnungssumme; gesamtpreis; "
    "gutschriftsbetrag; gesamtbetrag eur; endsumme; gesamt inkl mwst; summe inkl mwst; "
    "gesamtbetrag inkl mwst; total inkl mwst; totalbetrag; bruttosumme; "
    "total t t c; total ttc; montant ttc; montant total; total general; montant total ttc; "
    "total a payer; "
    "prix total; montant de la facture; total facture; total de la facture; "
    "montant total de la facture; total de l avoir; montant de l avoir; total avoir ttc",
    "due": "amount due; total due; balance due; total amount due; please pay; amount payable; "
    "total payable; payable; balance; amount to pay; to pay; total to pay; amount owing; "
    "balance owing; pay this amount; outstanding amount; outstanding balance; "
    "zu zahlen; zahlbetrag; zu zahlender betrag; offener betrag; restbetrag; zahlbar; "
    "fälliger betrag; bitte überweisen sie; noch zu zahlen; "
    "net a payer; montant a payer; reste a payer; solde; solde a payer; montant du; solde du; "
    "a payer; net a payer ttc",
    "net": "net sum; goods value; goods value excl vat; goods value excluding vat; "
    "net; net amount; net total; total net; subtotal; sub total; amount excl vat; "
    "total excl vat; total excluding vat; total ex vat; total excl tax; total ex tax; "
    "total before tax; total before vat; zwischentotal; subtotal excl vat; total ex gst; "
    "taxable amount; goods total; "
    "total excl gst; amount before tax; net value; "
    "netto; nettobetrag; summe netto; zwischensumme; nettosumme; gesamt netto; netto gesamt; "
    "warenwert; nettowert; gesamtbetrag netto; zwischensumme netto; "
    "total h t; montant h t; total ht; montant ht; sous total; total hors taxes; "
    "montant total ht; sous total ht; "
    "total net ht; base ht; montant hors taxe",
    "tax": "vat; tax; sales tax; gst; hst; pst; total vat; total tax; vat amount; tax amount; "
    "vat total; tax total; value added tax; gst amount; "
    "mwst; ust; umsatzsteuer; mehrwertsteuer; zzgl mwst; zzgl ust; mwst betrag; ust betrag; "
    "zuzüglich mwst; steuerbetrag; gesamt mwst; summe mwst; enthaltene mwst; steuer; "
    "inkl mwst; darin enthaltene mwst; zzgl umsatzsteuer; zzgl gesetzl mwst; "
    "zzgl gesetzlicher mwst; "
    "t v a; tva; total tva; montant tva; montant de la tva; dont tva; taxes; taxe; tps; tvq",
    "shipping": "shipping; shipping and handling; delivery; delivery charge; delivery fee; "
    "shipping cost; shipping costs; postage; postage and packing; carriage; freight; "
    "shipping handling; shipping fee; "
    "versand; versandkosten; porto; lieferkosten; fracht; porto und versand; "
    "frais de port; livraison; frais de livraison; port; transport",
    "discount": "discount; rebate; less discount; voucher; promotion; coupon; rabatt; "
    "nachlass; remise; rabais; remise commerciale",
    "paid": "paid; amount paid; total paid; payment received; deposit; payments; prepaid; "
    "less deposit; deposit paid; already paid; payment; cash; card; visa; mastercard; tendered; "
    "amount tendered; payments received; less payments; deposit received; "
    "bezahlt; anzahlung; bereits gezahlt; gezahlt; abzüglich anzahlung; bar; ec karte; "
    "acompte; deja paye; montant paye; acompte verse; regle; especes; carte bancaire",
    "skip_money": "change; change due; rounding; tip; previous balance; total savings; you saved; "
    "total items; total quantity; total qty; total hours; total weight; items; item count; "
    "number of items; total discount; last invoice; credit limit; late fee; total pages; page; "
    "rückgeld; gegeben; skonto; mit skonto; rendu; rendu monnaie; total articles; "
    "nombre d articles; anzahl artikel; gesamtgewicht; gesamtmenge; total pieces; "
    "opening balance; closing balance; monthly total; average; total units; total number; "
    "total remise; escompte; total brut ht; total stunden; share capital; capital social; "
    "stammkapital; capital",
    "date": "date; dated; date of issue; issue date; issued; issued on; invoice date; "
    "date of invoice; invoice dated; invoiced on; date issued; on; document date; billing date; "
    "bill date; receipt date; tax date; credit note date; transaction date; tax point; "
    "date of credit note; credit date; date tax point; "
    "datum; rechnungsdatum; ausgestellt am; belegdatum; vom; ausstellungsdatum; "
    "gutschriftsdatum; datum der rechnung; rechnung vom; gutschrift vom; "
    "date de facture; date de la facture; date de facturation; date d emission; emise le; "
    "emis le; le; date facture; facture du; date de l avoir; avoir du",
    "due_date": "bitte überweisen sie bis zum; bitte überweisen sie den betrag bis zum; "
    "überweisung bis; bitte zahlen sie bis zum; due date; payment due; due; due on; due by; "
    "payment due date; pay by; "
    "payable by; date due; payment due by; to be paid by; please pay by; payable until; "
    "payment date; please pay before; payment deadline; due for payment; "
    "fällig; fällig am; fälligkeit; fälligkeitsdatum; zahlbar bis; zahlungsziel; zahlbar bis zum; "
    "fällig bis; zahlung bis; bitte zahlen sie bis; zu zahlen bis; "
    "date d echeance; echeance; echeance le; a payer avant le; payable avant le; "
    "date limite de paiement; a regler avant le; echeance au; payable le",
    "delivery_date": "delivery date; date of supply; service date; date of delivery; delivered on; "
    "supply date; ship date; shipped on; date shipped; date of service; delivered; "
    "lieferdatum; leistungsdatum; liefertermin; lieferdatum leistungsdatum; "
    "date de livraison; livre le; date de prestation; date d expedition",
    "order_date": "order date; date of order; ordered on; bestelldatum; bestellt am; "
    "auftragsdatum; date de commande; commande du; commande le; bestellung vom; auftrag vom",
    "skip_date": "date of birth; born; born on; geburtsdatum; printed on; print date; "
    "date d impression; "
    "date of last payment; valid until; expires; expiry date; expiry; gültig bis; "
    "date de naissance; statement date; period; billing period; service period; from date; "
    "to date; leistungszeitraum; zeitraum; abrechnungszeitraum; periode; original invoice date; "
    "date of original invoice; contract date; last reading; next reading; payment received on; "
    "paid on; bezahlt am; payee le; check in; check out; arrival; departure; next invoice; "
    "next billing date; renewal date; ordered; quote date; original order date",
    "invoice_number": "invoice number; invoice no; invoice nr; invoice #; invoice num; inv no; "
    "inv #; invoice id; bill no; bill number; tax invoice no; tax invoice number; inv number; "
    "tax invoice #; vat invoice no; number of invoice; invoice n; "
    "rechnungsnummer; rechnungsnr; rechnung nr; rechnungs nr; rechnung nummer; rg nr; re nr; "
    "rechnungs nummer; rechnungs no; "
    "numero de facture; facture n; facture no; facture numero; n de facture; no de facture; "
    "n facture; no facture; numero facture; facture nr; numero de la facture",
    "invoice_title": "our invoice; your invoice; this invoice; this is invoice; unsere rechnung; "
    "notre facture; votre facture; ihre rechnung; invoice; tax invoice; vat invoice; rechnung; "
    "facture; bill; "
    "commercial invoice; sales invoice; final invoice; schlussrechnung; abschlagsrechnung",
    "credit_number": "credit note no; credit note number; credit note #; credit memo no; "
    "credit memo number; credit memo #; gutschriftsnummer; gutschrift nr; gutschriftsnr; "
    "gutschrift nummer; gutschrifts nr; avoir n; avoir no; numero d avoir; avoir numero; "
    "n d avoir; cn no; credit no; credit number",
    "credit_title": "credit note; credit memo; gutschrift; avoir; note de credit; "
    "rechnungskorrektur; facture d avoir",
    "receipt_number": "receipt no; receipt number; receipt #; transaction no; transaction id; "
    "receipt id; beleg nr; belegnummer; bon nr; bonnummer; kassenbon nr; quittung nr; "
    "trans no; trans #; ticket n; ticket no; ticket number; ticket #; recu n; numero de ticket; "
    "transaction #; beleg no; quittungsnummer; numero de recu; sales receipt no",
    "receipt_title": "receipt; sales receipt; quittung; kassenbon; beleg; recu; ticket de caisse",
    "document_number": "document; no; nr; number; document no; document number; document id; "
    "doc no; "
    "nummer; belegnr; dokumentnummer; numero; n; #; no document; n de document",
    "reference": "reference; ref; our reference; our ref; reference no; reference number; ref no; "
    "unser zeichen; referenz; referenznummer; verwendungszweck; payment reference; "
    "ref number; referenz nr; notre reference; reference interne",
    "your_reference": "your ref; your reference; customer reference; customer ref; ihr zeichen; "
    "ihre referenz; votre reference; vos references; client reference; client ref; v ref; "
    "your order ref",
    "order_number": "order no; order number; order #; order id; order; order ref; "
    "sales order; sales order no; sales order number; so number; order reference; your order; "
    "bestellnummer; bestellnr; bestell nr; auftragsnummer; auftrag nr; auftragsnr; auftrag; "
    "bestellung; bestellung nr; auftrags nr; online order; "
    "commande; commande n; numero de commande; n de commande; no de commande; n commande; "
    "commande no; bon de commande n; bon de commande; reference de commande",
    "po_number": "po; po number; po no; po #; p o number; p o no; p o #; purchase order; "
    "purchase order no; purchase order number; purchase order #; your po; customer po; "
    "your order no; your order number; ihre bestellung; ihre bestellnummer; ihre bestell nr; "
    "votre commande; votre commande n; cust po; client po; ihre bestellung nr; po ref",
    "customer_number": "customer no; customer number; customer id; customer #; account no; "
    "account number; customer account; client no; client number; client id; account #; "
    "customer account no; account id; member no; cust no; client #; your account no; "
    "kundennummer; kundennr; kunden nr; kd nr; kunde nr; ihre kundennummer; "
    "numero client; numero de client; n client; no client; code client; ref client; "
    "reference client; client n; n de client; kundennummer nr; customer code",
    "contract_number": "contract no; contract number; contract; contract #; contract id; "
    "agreement no; vertragsnummer; vertrag nr; vertragsnr; vertrags nr; "
    "numero de contrat; contrat n; contrat; n de contrat; agreement number; contract ref",
    "delivery_number": "delivery note; delivery note no; delivery note number; delivery no; "
    "lieferschein; lieferschein nr; lieferscheinnummer; lieferscheinnr; bon de livraison; "
    "bon de livraison n; bl n; packing slip; dispatch no; shipment no; tracking no; "
    "tracking number",
    "project_number": "project; project no; project number; project id; projekt; projekt nr; "
    "projektnummer; projet; job no; job number; matter no; matter; dossier; dossier n",
    "skip_number": "company no; company number; company reg no; "
    "registered no; "
    "registration no; reg no; company registration no; registered in england no; item no; "
    "registered number; company registration number; "
    "sort code; routing no; routing number; bank account; bank account no; acct; a c no; "
    "handelsregister; hrb; hra; steuernummer; steuernr; steuer nr; st nr; blz; konto; kontonummer; "
    "konto nr; siret; siren; rcs; rc; naf; ape; ein; abn; acn; till; terminal; cashier; table; "
    "kasse; bediener; kassierer; caisse; caissier; store; store no; store #; filiale; "
    "register; kunden id nr; original invoice; original invoice no; original invoice number; "
    "previous invoice; related invoice; in respect of invoice; for invoice; to invoice; "
    "zu rechnung; zur rechnung; zu rechnung nr; zur rechnung nr; ursprungsrechnung; "
    "facture d origine; facture d origine n; sur facture; sur facture n; facture initiale; "
    "article no; art nr; artikelnummer; serial no; meter no; meter number; zählernummer; "
    "vehicle; room; zimmer; flight; auth code; auth; approval code; ref facture; "
    "supplier no; vendor no; vendor number; lieferantennummer; supplier number; vendor id; "
    "lieferanten nr; code fournisseur; cost centre; cost center; kostenstelle; "
    "invoice period; invoice for; "
    "company house no; companies house no; charity no; server; guests; covers; tse; signatur; "
    "card no; card number; account ending",
    "vendor": "seller; vendor; supplier; from; company; billed by; sold by; issued by; merchant; "
    "company name; vendor name; supplier name; seller name; bill from; invoice from; provider; "
    "payable to; remit to; service provider; pay to; remit payment to; make cheques payable to; "
    "biller; make checks payable to; supplied by; please remit to; store name; "
    "verkäufer; lieferant; anbieter; von; firma; rechnungssteller; aussteller; absender; "
    "leistungserbringer; auftragnehmer; contractor; landlord; vermieter; rechnungsaussteller; "
    "vendeur; fournisseur; societe; emetteur; de; prestataire; emis par; raison sociale",
    "account_holder": "account name; account holder; beneficiary; kontoinhaber; "
    "empfänger der zahlung; zahlungsempfänger; titulaire; titulaire du compte; beneficiaire; "
    "bank account name; name of account; payee",
    "customer": "customer; bill to; billed to; to; client; buyer; sold to; invoice to; purchaser; "
    "customer name; client name; invoiced to; buyer name; billing address; invoice address; "
    "prepared for; charge to; patient; guest; tenant; student; mieter; locataire; "
    "kunde; käufer; rechnungsempfänger; an; auftraggeber; rechnung an; rechnungsadresse; "
    "besteller; rechnungsanschrift; empfänger; leistungsempfänger; kundenname; "
    "client facture; acheteur; facture a; adresse de facturation; destinataire; "
    "adresse a; facturer a; nom du client",
    "ship_to": "ship to; deliver to; delivery address; shipping address; shipped to; "
    "delivered to; lieferadresse; lieferanschrift; lieferung an; adresse de livraison; livre a; "
    "livrer a; consignee; warenempfänger",
    "iban": "iban; iban no; iban nr",
    "bic": "bic; swift; swift code; bic swift; swift bic; bic code; code bic; bic number",
    "vat_id": "vat id; vat no; vat number; vat reg no; vat registration number; "
    "vat registration no; "
    "vat id no; vat identification number; tax id; tax number; gst no; gst number; vat reg; "
    "tax id no; tax registration number; gstin; vat #; our vat no; seller vat id; supplier vat no; "
    "vat registration; vendor vat number; vat n; mwst id; "
    "ust id; ust idnr; ust id nr; ustid; ustidnr; umsatzsteuer id; umsatzsteuer identnummer; "
    "mwst nr; mwst nummer; uid; uid nr; umsatzsteuer identifikationsnummer; uid nummer; "
    "tva intracommunautaire; n tva; no tva; numero de tva; numero tva; n tva intracommunautaire; "
    "tva intra; n de tva; id tva; tva n; n tva intra; tva no",
    "customer_vat_id": "your vat no; your vat id; customer vat no; customer vat id; "
    "customer vat number; your vat number; client vat no; buyer vat no; your vat reg no; "
    "buyer vat id; client vat number; your tax id; "
    "ihre ust id; ihre ust idnr; ihre ust id nr; kunden ust id; ust idnr des kunden; ihre uid; "
    "votre n tva; n tva client; tva client; votre tva; votre numero de tva; "
    "numero de tva client; n de tva client",
    "phone": "phone; tel; telephone; phone no; phone number; mobile; cell; call; call us; hotline; "
    "telefon; tel nr; telefonnummer; mobil; handy; fon; telephone no; "
    "tél; numero de telephone; portable; telephone number; mobile no",
    "skip_fax": "fax; telefax; telecopie; fax no; fax number",
    "email": "email; e mail; mail; courriel; e mail adresse; email address; contact email",
    "website": "website; web; www; internet; site web; homepage; site internet",
    "currency": "currency; währung; devise; monnaie; invoice currency; all amounts in; "
    "alle beträge in; amounts in; montants en; currency code",
    "tax_rate": "vat rate; tax rate; mwst satz; steuersatz; taux tva; taux de tva; ust satz; "
    "rate of vat; gst rate",
    "payment_terms": "payment terms; terms; terms of payment; zahlungsbedingungen; "
    "zahlungsbedingung; conditions de paiement; conditions de reglement; "
    "modalites de paiement; credit terms",
    "payment_method": "payment method; method of payment; paid by; zahlungsart; zahlungsweise; "
    "mode de paiement; mode de reglement; moyen de paiement; payment type",
}

# Labels that are also everyday words: they count only where a line, cell or list entry begins.
WEAK = phrase_set(
    "document; "
    "from; to; on; no; nr; n; #; number; date; company; de; von; an; vom; le; net; tax; due; "
    "order; invoice; bill; client; customer; reference; ref; port; card; cash; bar; payment; "
    "change; page; contract; vertrag; contrat; project; projekt; projet; delivery; shipping; "
    "call; mail; web; terms; receipt; balance; gross; total; issued; dated; paid; auftrag; "
    "commande; bestellung; livraison; transport; discount; provider; firma; gesamt; summe; "
    "period; table; room; store; items; vehicle; solde; cell; mobile; portable; numero; uid; "
    "to pay; payable; po; rechnung; facture; beleg; remise; steuer; versand; vat; mwst; ust; "
    "tva; taxe; taxes; brutto; netto; gutschrift; avoir; credit note; nummer; freight; "
    "carriage; patient; guest; tenant; student; mieter; locataire; contractor; landlord; "
    "vermieter; average; gift; ape; ein; rc; regle; kunde; lieferant; fournisseur; vendor; "
    "supplier; seller; buyer; born; delivered; ordered; capital; matter; dossier; server; "
    "flight; acct; tip; auth; voucher; promotion; currency; devise; zahlbar; register; "
    "deposit; payments; steuerbetrag; a payer; invoice for"
)

# Column heads of line items.
COLUMNS: dict[str, str] = {
    "position": "pos; position; #; no; line; nr; item no; ligne; n; lfd nr; item #; line no",
    "quantity": "qty; quantity; menge; anzahl; quantite; qte; hours; units; stk; stunden; heures; "
    "qty hrs; hrs; stück; quant; nights; qty hours; days; tage; jours",
    "description": "description; item; product; article; bezeichnung; beschreibung; artikel; "
    "leistung; designation; produkt; service; details; libelle; item description; produit; "
    "prestation; particulars; activity; artikelbezeichnung; leistungsbeschreibung; goods; "
    "description of goods; item and description; produktname; text; beschreibung der leistung",
    "unit_price": "unit price; price; rate; each; unit cost; price each; einzelpreis; e preis; "
    "preis; ep; stückpreis; prix unitaire; pu; prix unitaire ht; pu ht; prix; p u; p u ht; "
    "p u h t; "
    "unit price eur; hourly rate; price per unit; einzelpreis netto; satz; prix unit ht; "
    "unit price gbp; unit price usd; cost; stundensatz; ansatz; preis stück; prix u ht; "
    "taux horaire; "
    "unit; einzel; tarif; price unit; unit rate",
    "amount": "amount; total; line total; betrag; gesamt; gesamtpreis; montant; montant ht; "
    "montant h t; "
    "total ht; net; net amount; summe; g preis; amount gbp; amount eur; amount usd; "
    "sum; value; extended price; netto; prix total; total eur; betrag eur; preis gesamt; "
    "gesamt eur; total price; line amount; ext price; total gbp; total usd; gesamtpreis netto; "
    "total chf; betrag chf; amount chf; extended; net value; subtotal; item total; total net",
    "unit": "unit of measure; einheit; unite; uom; me; measure",
    "sku": "sku; code; item code; product code; article no; art nr; artikelnr; ref; reference; "
    "part no; part number; artikelnummer; stock code; product id; art no; material; article code",
    "tax_rate": "vat; tax; vat rate; mwst; tva; ust; tax rate; steuer; taux tva; gst; vat %",
    "skip": "discount; rabatt; remise; date; datum; tax amount; vat amount; gross; brutto; ttc; "
    "total t t c; total ttc; montant ttc; total incl vat; mwst betrag; staff; week; project",
}

# How properties of a schema are called, beyond the labels above.
PROPERTIES: dict[str, str] = {
    "total": "total amount; amount total; grand total; gross amount; total gross; gross; amount; "
    "total price; price; sum; invoice total; total value; total incl tax; total with tax; betrag; "
    "montant; total inc tax; value; total sum; betrag brutto; total including tax",
    "due": "amount due; balance due; total due; amount payable; balance; due amount; open amount",
    "net": "net amount; net total; subtotal; sub total; net; total net; amount net; "
    "total excl tax; total without tax; total before tax; subtotal amount; total excluding tax",
    "tax": "tax amount; vat amount; vat; tax; total tax; total vat; tax total; sales tax; "
    "vat total; gst; mwst; tva",
    "date": "date; invoice date; issue date; issued; date issued; issued on; issued at; "
    "document date; receipt date; billing date; date of issue; purchase date; transaction date; "
    "credit note date",
    "due_date": "bitte überweisen sie bis zum; bitte überweisen sie den betrag bis zum; "
    "überweisung bis; bitte zahlen sie bis zum; due date; due; payment due; date due; due on; "
    "pay by; payment due date; "
    "payment deadline; due at",
    "delivery_date": "delivery date; service date; supply date; ship date; shipping date",
    "invoice_number": "invoice number; invoice no; invoice id; invoice num; invoice nr; invoice #",
    "credit_number": "credit note number; credit note id; credit note no; credit number; "
    "credit memo number",
    "receipt_number": "receipt number; receipt no; receipt id; transaction id; transaction number",
    "document_number": "number; document number; document id; no; nr; nummer; numero; "
    "document no; doc number; invoice or credit note number",
    "reference": "reference; ref; reference number; payment reference; our reference",
    "order_number": "order number; order id; order no; order; order reference",
    "po_number": "po number; po; purchase order; purchase order number; po no; customer po",
    "customer_number": "customer number; customer id; customer no; account number; client number; "
    "client id; customer account; account no; account id; kundennummer",
    "vendor": "vendor; seller; supplier; company; vendor name; supplier name; seller name; "
    "company name; merchant; issuer; merchant name; billed by; biller; from; sender; "
    "from company; shop; store; fournisseur; lieferant; store name; provider; payee; firma; "
    "anbieter; societe; issuer name; sold by",
    "customer": "customer; client; buyer; customer name; client name; bill to; billed to; "
    "recipient; buyer name; sold to; recipient name; kunde; purchaser; bill to name; debtor",
    "ship_to": "ship to; deliver to; shipping name; delivery name; consignee",
    "vendor_email": "vendor email; seller email; supplier email; company email; merchant email",
    "customer_email": "customer email; client email; buyer email; bill to email",
    "vendor_phone": "vendor phone; seller phone; supplier phone; company phone; merchant phone",
    "customer_phone": "customer phone; client phone; buyer phone",
    "email": "email; e mail; email address; mail; contact email; sender email",
    "phone": "phone; telephone; phone number; tel; telephone number; contact phone; mobile",
    "website": "website; web; url; homepage; web site",
    "vat_id": "vat id; vat number; tax id; vat no; vendor vat id; seller vat id; vendor tax id; "
    "supplier vat id; supplier vat number; vendor vat number; tax number; ust id; company vat id; "
    "vat registration number; ust idnr",
    "customer_vat_id": "customer vat id; customer vat number; buyer vat id; client vat id; "
    "customer tax id; buyer vat number",
    "iban": "iban; bank iban; vendor iban; payment iban; account iban",
    "bic": "bic; swift; swift code; bic swift; swift bic; vendor bic",
    "currency": "currency; currency code; invoice currency; iso currency; waehrung; währung; "
    "devise",
    "tax_rate": "tax rate; vat rate; vat percent; tax percent; vat percentage; tax percentage; "
    "mwst satz",
    "shipping": "shipping; shipping cost; delivery cost; freight; shipping amount; shipping fee; "
    "delivery fee; postage; delivery charge",
    "discount": "discount; discount amount; total discount; rebate",
    "paid": "amount paid; paid amount; total paid; deposit; prepaid amount",
    "lines": "lines; line items; items; positions; invoice lines; products; entries; positionen; "
    "rows; articles; lineitems; services; details",
    "quantity": "quantity; qty; menge; units; count; amount of units; hours; anzahl; quantite",
    "description": "description; item; name; product; article; title; item name; item description; "
    "product name; bezeichnung; designation; text; label; service; item text",
    "unit_price": "unit price; price; rate; price per unit; unit cost; price each; each; "
    "einzelpreis; prix unitaire; unit amount; net price; unit net price",
    "amount": "amount; total; line total; line amount; net amount; price total; betrag; montant; "
    "total price; net; subtotal; sum; value; total amount; line net; total net; item total",
    "unit": "unit; unit of measure; uom; einheit",
    "sku": "sku; code; item code; product code; article number; part number; article code; "
    "product id; item number; id; item id",
    "position": "position; pos; line number; line; line no; index",
}

# What a property stands for inside an object of this name: `customer: {name, number}`.
SCOPED: dict[str, dict[str, str]] = {
    "vendor": {"name": "vendor", "company": "vendor", "company name": "vendor",
        "email": "vendor_email", "phone": "vendor_phone", "vat id": "vat_id", "tax id": "vat_id",
        "vat number": "vat_id", "legal name": "vendor"},
    "customer": {"name": "customer", "company": "customer", "company name": "customer",
        "number": "customer_number", "id": "customer_number", "no": "customer_number",
        "account number": "customer_number", "email": "customer_email",
        "phone": "customer_phone", "vat id": "customer_vat_id", "tax id": "customer_vat_id",
        "vat number": "customer_vat_id", "legal name": "customer"},
    "ship_to": {"name": "ship_to", "company": "ship_to"},
    "invoice": {"number": "invoice_number", "no": "invoice_number", "id": "invoice_number"},
    "order": {"number": "order_number", "no": "order_number", "id": "order_number",
        "date": "order_date"},
    "receipt": {"number": "receipt_number", "id": "receipt_number"},
}  # fmt: skip

# Words that end a company's name, by which a letterhead is known.
LEGAL_FORMS = word_set(
    "ltd limited inc incorporated llc llp plc corp corporation co company gmbh ag kg ohg ug "
    "se gbr ek mbh sarl sas sa sasu eurl snc bv nv oy ab as aps pty srl spa sl kft zrt sro "
    "gmbhcokg lp pte sàrl sprl scop ev eg sons partners group partner brothers bros "
    "associates"
)

# Lines that say what kind of paper this is, never who wrote it.
TITLES = phrase_set(
    "invoice; tax invoice; vat invoice; rechnung; facture; credit note; credit memo; "
    "gutschrift; avoir; receipt; sales receipt; quittung; kassenbon; ticket; bill; statement; "
    "order; pro forma invoice; proforma invoice; commercial invoice; purchase order; "
    "original; copy; kopie; duplicate; duplikat; duplicata; bestellung; auftragsbestätigung; "
    "bon de commande; devis; angebot; quote; quotation; ticket de caisse; note de frais; "
    "beleg; your receipt; your bill; customer copy; merchant copy; your invoice; ihre "
    "rechnung; votre facture; logo; page; thank you; order confirmation; remittance advice; "
    "facture d avoir; note de credit; paid; bezahlt; paye; schlussrechnung; "
    "abschlagsrechnung; stornorechnung; rechnungskorrektur; sales invoice; final invoice; "
    "delivery note; lieferschein; recu; welcome; willkommen; bienvenue; reminder; mahnung; "
    "rappel; draft; entwurf; confidential; your order; facture acquittee; statement of "
    "account"
)
